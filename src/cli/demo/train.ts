import { setImmediate } from 'node:timers/promises';
import type { LanguageModel } from './language-model.js';
import { predictionsIn, type SequenceBatch, tokensIn, trimToTokens } from './sequence-batch.js';
import {
  type EvaluationRecord,
  noProgress,
  type StepRecord,
  type TrainingProgress,
} from './training-progress.js';

/** What to train, on what, and for how long. */
export interface TrainingOptions {
  readonly model: LanguageModel;
  /** Where the batches come from, from the point where `progress` ended. */
  readonly batches: AsyncIterable<SequenceBatch>;
  /** The run ends at exactly this many tokens, padding excluded: the last batch is cut to fit. */
  readonly tokenBudget: number;
  /** The learning rate at a share of the budget, 0 … 1. */
  readonly learningRate: (progress: number) => number;
  /** The validation set; empty for none. */
  readonly validation: readonly SequenceBatch[];
  /** The validation set is evaluated at the start, each time another so many tokens are seen, and at the end. */
  readonly evaluateEveryTokens: number;
  /** The progress of the run that this one continues. @defaultValue a new run */
  readonly progress?: TrainingProgress;
  /** Ends the run after the step in progress. */
  readonly signal?: AbortSignal;
  readonly onStep?: (step: StepRecord, progress: TrainingProgress) => void;
  readonly onEvaluation?: (evaluation: EvaluationRecord) => void;
}

/** How a run ended: at its budget, by its signal, or because there were no more batches. */
export type TrainingOutcome = 'finished' | 'interrupted' | 'exhausted';

/** How a run ended and what it did. */
export interface TrainingResult {
  readonly outcome: TrainingOutcome;
  readonly progress: TrainingProgress;
}

/**
 * Trains to a token budget. It is deterministic: a run that is interrupted, and continued with the model, the batches
 * and the progress it had, ends with the same losses as one that was not.
 */
export async function trainLanguageModel(options: TrainingOptions): Promise<TrainingResult> {
  const run = new TrainingRun(options);
  const outcome = await run.train();
  return { outcome, progress: run.progress };
}

class TrainingRun {
  readonly #options: TrainingOptions;
  readonly #steps: StepRecord[];
  readonly #evaluations: EvaluationRecord[];
  #tokens: number;

  constructor(options: TrainingOptions) {
    const { tokens, steps, evaluations } = options.progress ?? noProgress;
    this.#options = options;
    this.#tokens = tokens;
    this.#steps = [...steps];
    this.#evaluations = [...evaluations];
  }

  get progress(): TrainingProgress {
    return { tokens: this.#tokens, steps: this.#steps, evaluations: this.#evaluations };
  }

  async train(): Promise<TrainingOutcome> {
    const { batches, signal } = this.#options;
    if (this.#isDone()) return 'finished';
    if (signal?.aborted) return 'interrupted';
    if (this.#evaluations.length === 0) await this.#evaluate();
    let asked = performance.now();
    for await (const batch of batches) {
      await this.#step(batch, performance.now() - asked);
      // The model computes on this thread without a pause: let messages, signals and timers through.
      await setImmediate();
      if (this.#isDone()) return 'finished';
      if (signal?.aborted) return 'interrupted';
      asked = performance.now();
    }
    return 'exhausted';
  }

  async #step(whole: SequenceBatch, waitMs: number): Promise<void> {
    const { model, tokenBudget, learningRate, evaluateEveryTokens, onStep } = this.#options;
    const batch = trimToTokens(whole, tokenBudget - this.#tokens);
    const started = performance.now();
    const loss = await model.step(batch, learningRate(this.#tokens / tokenBudget));
    const computeMs = performance.now() - started;
    const evaluationsDue = Math.floor(this.#tokens / evaluateEveryTokens);
    this.#tokens += tokensIn(batch);
    const lengths = [...batch.lengths.data].filter((length) => length > 0);
    const record = { step: this.#steps.length + 1, tokens: this.#tokens, loss, lengths, waitMs, computeMs };
    this.#steps.push(record);
    const due = Math.floor(this.#tokens / evaluateEveryTokens) > evaluationsDue;
    if (due || this.#isDone()) await this.#evaluate();
    onStep?.(record, this.progress);
  }

  async #evaluate(): Promise<void> {
    const { model, validation, onEvaluation } = this.#options;
    if (validation.length === 0) return;
    const evaluation = { tokens: this.#tokens, loss: await validationLoss(model, validation) };
    this.#evaluations.push(evaluation);
    onEvaluation?.(evaluation);
  }

  #isDone(): boolean {
    return this.#tokens >= this.#options.tokenBudget;
  }
}

/** The mean loss of all predictions of some batches, in nats. */
export async function validationLoss(
  model: LanguageModel,
  batches: Iterable<SequenceBatch>,
): Promise<number> {
  let sum = 0;
  let predictions = 0;
  for (const batch of batches) {
    sum += (await model.evaluate(batch)) * predictionsIn(batch);
    predictions += predictionsIn(batch);
    await setImmediate();
  }
  return sum / predictions;
}
