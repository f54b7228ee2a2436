/** What one optimizer step did. Plain JSON. */
export interface StepRecord {
  /** Counts from 1. */
  readonly step: number;
  /** Tokens seen after this step, padding excluded. */
  readonly tokens: number;
  /** Mean loss of the batch before the step, in nats. */
  readonly loss: number;
  /** Lengths of the sequences of the batch, in tokens. */
  readonly lengths: readonly number[];
  /** How long the step waited for its batch. */
  readonly waitMs: number;
  /** How long the model worked. */
  readonly computeMs: number;
}

/** The loss on the validation set at one point of a run. */
export interface EvaluationRecord {
  /** Tokens seen in training before. */
  readonly tokens: number;
  /** Mean loss of all predictions of the validation set, in nats. */
  readonly loss: number;
}

/** All that a run has done so far. Plain JSON: with the state of the model and of the loader it continues exactly. */
export interface TrainingProgress {
  readonly tokens: number;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

/** A run that has not begun. */
export const noProgress: TrainingProgress = { tokens: 0, steps: [], evaluations: [] };

/** What a run comes to in numbers. */
export interface TrainingSummary {
  readonly steps: number;
  readonly tokens: number;
  /** Validation loss at the end, in nats. */
  readonly validationLoss: number;
  /** Tokens a second of training, evaluations excluded. */
  readonly tokensPerSecond: number;
  /** Share of the training time spent waiting for data, 0 … 1. */
  readonly waitShare: number;
  /** Training time, evaluations excluded. */
  readonly trainingMs: number;
}

/** The numbers of a run. */
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
