// What the live page knows of a run, and how it learns more. Pure and without Node.js: server and page share it.
import type { CurriculumHistogram } from '../../curriculum/curriculum-histogram.js';
import type { RunFigures } from '../run-statistics.js';
import type { BatchPeek } from './peek-batch.js';

/** What a run is; it does not change. */
export interface RunFacts {
  /** Tells loaders of one machine apart. */
  readonly key: string;
  readonly pid: number;
  readonly dataset: string;
  readonly rank: number;
  readonly worldSize: number;
  /** Milliseconds since 1970, as all moments here. */
  readonly startedAt: number;
  readonly histograms: readonly CurriculumHistogram[];
}

/** A moment of the charts. */
export interface LivePoint {
  readonly at: number;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
  /** 0 … 1. */
  readonly waitShare: number;
  readonly ready: number;
}

/** A stretch of time in which a lane did one thing. */
export interface LiveSpan {
  /** A worker, or the consumer. */
  readonly lane: number | 'consumer';
  readonly doing: 'making' | 'waiting';
  readonly from: number;
  readonly to: number;
  /** Batches in it: short ones are drawn together. */
  readonly batches: number;
}

/** An error, or a sample that was left out. */
export interface LiveProblem {
  readonly at: number;
  readonly kind: 'error' | 'skipped';
  readonly text: string;
}

export type RunStatus = 'starting' | 'running' | 'between passes' | 'finished' | 'failed' | 'lost';

/** All that is known of a run. */
export interface RunView {
  readonly facts: RunFacts;
  readonly status: RunStatus;
  readonly figures: RunFigures | undefined;
  readonly points: readonly LivePoint[];
  readonly spans: readonly LiveSpan[];
  readonly problems: readonly LiveProblem[];
  readonly peek: BatchPeek | undefined;
  /** Why the loader has as many workers and batches ahead as it has. */
  readonly tuning: string;
  /** When it ended, where it has. */
  readonly endedAt: number | undefined;
}

/** What is new of a run. */
export interface RunUpdate {
  readonly key: string;
  readonly status: RunStatus;
  readonly figures?: RunFigures;
  readonly points: readonly LivePoint[];
  readonly spans: readonly LiveSpan[];
  readonly problems: readonly LiveProblem[];
  readonly peek?: BatchPeek;
  readonly tuning?: string;
  readonly endedAt?: number;
}

/** Points of the charts: ten minutes at two a second. */
const keptPoints = 1_200;
/** The timeline shows so much. */
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
    tuning: '',
    endedAt: undefined,
  };
}

/** The view with what is new, and without what is too old to be shown. */
export function applyUpdate(view: RunView, update: RunUpdate): RunView {
  const { status, figures = view.figures, peek = view.peek, tuning = view.tuning, endedAt } = update;
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
    tuning,
    endedAt,
  };
}
