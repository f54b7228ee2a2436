/** Record of one optimizer step. Plain JSON. */
export interface StepRecord {
  /** Counts from 1. */
  readonly step: number;
  /** Tokens seen up to and including this step, without padding. */
  readonly tokens: number;
  /** Mean loss of the batch before the step, in nats. */
  readonly loss: number;
  /** Lengths of the sequences of the batch, in tokens. */
  readonly lengths: readonly number[];
  /** Time spent waiting for the batch. */
  readonly waitMs: number;
  /** Time spent computing. */
  readonly computeMs: number;
}

/** Record of one evaluation on the validation set. */
export interface EvaluationRecord {
  /** Training tokens seen before. */
  readonly tokens: number;
  /** Mean loss of all predictions of the validation set, in nats. */
  readonly loss: number;
}

/** Progress of a run. Plain JSON. With the state of the model and the loader, the run continues exactly. */
export interface TrainingProgress {
  readonly tokens: number;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

/** Progress of a new run. */
export const noProgress: TrainingProgress = { tokens: 0, steps: [], evaluations: [] };

/** Summary of a run. */
export interface TrainingSummary {
  readonly steps: number;
  readonly tokens: number;
  /** Validation loss at the end, in nats. */
  readonly validationLoss: number;
  /** Training tokens per second, without evaluations. */
  readonly tokensPerSecond: number;
  /** Share of the training time spent waiting for data, 0 … 1. */
  readonly waitShare: number;
  /** Training time, without evaluations. */
  readonly trainingMs: number;
}

/** Summarizes a run. */
export function summarize({ tokens, steps, evaluations }: TrainingProgress): TrainingSummary {
  const waitMs = steps.reduce((sum, step) => sum + step.waitMs, 0);
  const trainingMs = steps.reduce((sum, step) => sum + step.computeMs, waitMs);
  return {
    steps: steps.length,
    tokens,
    validationLoss: evaluations.at(-1)?.loss ?? Number.NaN,
    tokensPerSecond: trainingMs > 0 ? (tokens / trainingMs) * 1_000 : 0,
    waitShare: trainingMs > 0 ? waitMs / trainingMs : 0,
    trainingMs,
  };
}
