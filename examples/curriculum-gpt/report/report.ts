import { formatCount } from '../format.js';
import type { RunResult } from '../run.js';
import { defaults, modelShape, orderDescriptions } from '../settings.js';
import { summarize } from '../training-progress.js';

/** One optimizer step. */
export interface ReportStep {
  readonly step: number;
  /** Tokens seen after the step. */
  readonly tokens: number;
  /** Training loss, in nats. */
  readonly loss: number;
  /** Lengths of the sequences of the batch, in tokens. */
  readonly lengths: readonly number[];
}

/** The run of one order. */
export interface ReportRun {
  /** `uniform`, `curriculum`. */
  readonly name: string;
  /** One sentence about the order. */
  readonly description: string;
  readonly steps: readonly ReportStep[];
  /** Loss on the validation set, in nats, in ascending order of tokens. */
  readonly evaluations: readonly { readonly tokens: number; readonly loss: number }[];
  /** The longest sequence that the schedule admits, at each step where it changes; absent without a schedule. */
  readonly admitted?: readonly { readonly step: number; readonly maxLength: number }[];
  readonly tokensPerSecond: number;
  /** Share of the training time spent waiting for data, 0 … 1. */
  readonly waitShare: number;
  readonly trainingMs: number;
}

/** Content of the report. */
export interface Report {
  /** When the runs ended, ISO 8601. */
  readonly createdAt: string;
  readonly corpus: {
    readonly source: string;
    readonly documents: number;
    readonly byteLength: number;
    readonly tokens: number;
    /** Length of every training sequence, in tokens. */
    readonly lengths: readonly number[];
  };
  /** First and last length of the curriculum's schedule. */
  readonly curriculumRange?: { readonly min: number; readonly max: number };
  readonly runs: readonly ReportRun[];
  /** Other settings, in the order shown. */
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  /** The DeepSpeed configuration of each loader. */
  readonly configurations: readonly { readonly name: string; readonly json: unknown }[];
}

/** Collects the content of the report. */
export function reportOf({ prepared, parameterCount, runs }: RunResult): Report {
  const { corpus, dataset, curriculumRange, configurations, vocabularySize } = prepared;
  const { width, layers, heads } = modelShape(vocabularySize);
  return {
    createdAt: new Date().toISOString(),
    corpus: { ...corpus, lengths: [...dataset.sizes] },
    curriculumRange,
    runs: runs.map(({ order, progress, admitted }) => {
      const { tokensPerSecond, waitShare, trainingMs } = summarize(progress);
      return {
        name: order,
        description: orderDescriptions[order],
        steps: progress.steps,
        evaluations: progress.evaluations,
        ...(admitted.length > 0 ? { admitted } : {}),
        tokensPerSecond,
        waitShare,
        trainingMs,
      };
    }),
    settings: [
      {
        name: 'Model',
        value: `GPT, ${layers} layer, width ${width}, ${heads} heads, ${formatCount(parameterCount)} parameters`,
      },
      { name: 'Vocabulary', value: `${formatCount(vocabularySize)} tokens` },
      { name: 'Token budget', value: `${formatCount(runs[0]?.progress.tokens ?? 0)} a run` },
      { name: 'Micro-batch', value: `${defaults.microBatchSize} sequences` },
      { name: 'Seed', value: String(defaults.seed) },
    ],
    configurations: Object.entries(configurations).map(([name, json]) => ({ name, json })),
  };
}
