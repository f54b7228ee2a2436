import type { Tensor } from 'millrace';
import type { SequenceBatch } from './sequence-batch.js';

/** The training state as plain tensors. Exporting and importing it preserves every bit. */
export interface ModelState {
  /** Optimizer steps taken. */
  readonly steps: number;
  /** Parameters and the optimizer's moments by name. */
  readonly tensors: Readonly<Record<string, Tensor<'float32'>>>;
}

/** A model that learns to predict the next token. It is deterministic: the same calls return the same numbers. */
export interface LanguageModel {
  readonly parameterCount: number;
  /**
   * Takes one optimizer step.
   *
   * @returns Mean loss of the predicted tokens before the step, in nats.
   */
  step(batch: SequenceBatch, learningRate: number): Promise<number>;
  /** Mean loss of the predicted tokens, in nats. Does not change the model. */
  evaluate(batch: SequenceBatch): Promise<number>;
  /** Copies the training state. */
  exportState(): Promise<ModelState>;
  /**
   * Restores an exported state.
   *
   * @throws {@link UserError} if a tensor has another shape than in this model.
   */
  importState(state: ModelState): void;
  /** Frees the model's memory. Do not use the model afterwards. */
  dispose(): void;
}
