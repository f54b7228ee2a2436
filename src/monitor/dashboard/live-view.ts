// The data of the live page, and how updates change it. Pure and independent of Node.js: server and page share it.
import type { CurriculumHistogram } from '../../curriculum/curriculum-histogram.js';
import type { RunFigures } from '../run-statistics.js';
import type { BatchPeek } from './peek-batch.js';
import type { ClientFacts, ClientFigures } from './run-client.js';

/** Constant properties of a run. */
export interface RunFacts {
  /** Unique among the loaders of a machine. */
  readonly key: string;
  readonly pid: number;
  readonly dataset: string;
  readonly rank: number;
  readonly worldSize: number;
  /** Milliseconds since 1970, like all times in this file. */
  readonly startedAt: number;
  readonly histograms: readonly CurriculumHistogram[];
  /** The client, if the loader is served. */
  readonly client?: ClientFacts | undefined;
}

/** A point of the charts. */
export interface LivePoint {
  readonly at: number;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
  /** 0 … 1. */
  readonly waitShare: number;
  readonly ready: number;
}

/** A time span in which a lane had one activity. */
export interface LiveSpan {
  /** A worker, or the consumer. */
  readonly lane: number | 'consumer';
  readonly doing: 'making' | 'waiting';
  readonly from: number;
  readonly to: number;
  /** Number of batches in the span: short ones are merged. */
  readonly batches: number;
}

/** An error, or a skipped sample. */
export interface LiveProblem {
  readonly at: number;
  readonly kind: 'error' | 'skipped';
  readonly text: string;
}

export type RunStatus = 'starting' | 'running' | 'between passes' | 'finished' | 'failed' | 'lost';

/** The complete data of a run. */
export interface RunView {
  readonly facts: RunFacts;
  readonly status: RunStatus;
  readonly figures: RunFigures | undefined;
  readonly points: readonly LivePoint[];
  readonly spans: readonly LiveSpan[];
  readonly problems: readonly LiveProblem[];
  readonly peek: BatchPeek | undefined;
  /** Figures of the client, if the loader is served. */
  readonly client: ClientFigures | undefined;
  /** Reason for the current number of workers and the prefetch depth. */
  readonly tuning: string;
  /** End time, if the run has ended. */
  readonly endedAt: number | undefined;
}

/** Changes to a run. */
export interface RunUpdate {
  readonly key: string;
  readonly status: RunStatus;
  readonly figures?: RunFigures;
  readonly points: readonly LivePoint[];
  readonly spans: readonly LiveSpan[];
  readonly problems: readonly LiveProblem[];
  readonly peek?: BatchPeek;
  readonly client?: ClientFigures;
  readonly tuning?: string;
  readonly endedAt?: number;
}

/** Points kept for the charts: ten minutes at two points per second. */
const keptPoints = 1_200;
/** Length of the timeline. */
export const timelineMs = 10_000;
const keptProblems = 50;

export function viewOf(facts: RunFacts): RunView {
  return {
    facts,
    status: 'starting',
    figures: undefined,
    points: [],
    spans: [],
    problems: [],
    peek: undefined,
    client: undefined,
    tuning: '',
    endedAt: undefined,
  };
}

/** Applies an update to a view and drops data that is too old to show. */
export function applyUpdate(view: RunView, update: RunUpdate): RunView {
  const { status, endedAt } = update;
  const { figures = view.figures, peek = view.peek, client = view.client, tuning = view.tuning } = update;
  const spans = [...view.spans, ...update.spans];
  const latest = spans.reduce((last, { to }) => Math.max(last, to), 0);
  return {
    facts: view.facts,
    status,
    figures,
    points: [...view.points, ...update.points].slice(-keptPoints),
    spans: spans.filter(({ to }) => to > latest - timelineMs),
    problems: [...view.problems, ...update.problems].slice(-keptProblems),
    peek,
    client,
    tuning,
    endedAt,
  };
}
