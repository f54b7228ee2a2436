/** One optimizer step, as the page shows it. */
export interface ReportStep {
  readonly step: number;
  /** Tokens seen after the step. */
  readonly tokens: number;
  /** Training loss, in nats. */
  readonly loss: number;
  /** Lengths of the sequences of the batch, in tokens. */
  readonly lengths: readonly number[];
}

/** One of the runs that are compared. */
export interface ReportRun {
  /** `uniform`, `curriculum`. */
  readonly name: string;
  /** What the order is, in a sentence. */
  readonly description: string;
  readonly steps: readonly ReportStep[];
  /** Loss on the validation set, in nats, in order of tokens. */
  readonly evaluations: readonly { readonly tokens: number; readonly loss: number }[];
  /** The longest sequence that the schedule admits, where it changes, in order of steps; none for a run without one. */
  readonly admitted?: readonly { readonly step: number; readonly maxLength: number }[];
  readonly tokensPerSecond: number;
  /** Share of the training time spent waiting for data, 0 … 1. */
  readonly waitShare: number;
  readonly trainingMs: number;
}

/** What the page is made from. */
export interface DemoReport {
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
  /** The lengths between which the curriculum's schedule runs. */
  readonly curriculumRange?: { readonly min: number; readonly max: number };
  readonly runs: readonly ReportRun[];
  /** What else was set, in order: model, budget, workers. */
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  /** The DeepSpeed configurations that the loaders were made from, by run name. */
  readonly configurations: readonly { readonly name: string; readonly json: unknown }[];
}
