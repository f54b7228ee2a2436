import { setImmediate } from 'node:timers/promises';
import type { LanguageModel } from './language-model.js';
import { predictionsIn, type SequenceBatch, tokensIn, trimToTokens } from './sequence-batch.js';
import {
  type EvaluationRecord,
  noProgress,
  type StepRecord,
  type TrainingProgress,
} from './training-progress.js';

/** Options of a training run. */
export interface TrainingOptions {
  readonly model: LanguageModel;
  /** The batches, starting with the one after `progress`. */
  readonly batches: AsyncIterable<SequenceBatch>;
  /** Number of tokens, without padding, at which the run ends. The last batch is cut to fit. */
  readonly tokenBudget: number;
  /** Returns the learning rate at a share of the budget, 0 … 1. */
  readonly learningRate: (progress: number) => number;
  /** The validation set. May be empty. */
  readonly validation: readonly SequenceBatch[];
  /** Tokens between evaluations. The run also evaluates at its start and end. */
  readonly evaluateEveryTokens: number;
  /** Progress of the run to continue. @defaultValue a new run */
  readonly progress?: TrainingProgress;
  /** Stops the run after the step in progress. */
  readonly signal?: AbortSignal;
  readonly onStep?: (step: StepRecord, progress: TrainingProgress) => void;
  readonly onEvaluation?: (evaluation: EvaluationRecord) => void;
}

/** Why a run ended: it reached its budget, its signal was aborted, or the batches ended. */
export type TrainingOutcome = 'finished' | 'interrupted' | 'exhausted';

/** Outcome and progress of a run. */
export interface TrainingResult {
  readonly outcome: TrainingOutcome;
  readonly progress: TrainingProgress;
}

/**
 * Trains to a token budget. Deterministic: an interrupted run that continues with its model, batches and progress ends with
 * the same losses as an uninterrupted run.
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
    let requested = performance.now();
    for await (const batch of batches) {
      await this.#step(batch, performance.now() - requested);
      // The model computes synchronously; yield to messages, signals and timers.
      await setImmediate();
      if (this.#isDone()) return 'finished';
      if (signal?.aborted) return 'interrupted';
      requested = performance.now();
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

/** Mean loss over all predictions of the batches, in nats. */
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
