import type { Tensor } from '../../core/tensor.js';
import type { SequenceBatch } from './sequence-batch.js';

/** Everything that training changes, as plain arrays: what was exported can be imported bit for bit. */
export interface ModelState {
  /** Optimizer steps taken. */
  readonly steps: number;
  /** Parameters and the optimizer's moments by name. */
  readonly tensors: Readonly<Record<string, Tensor<'float32'>>>;
}

/** A model that learns to predict the next token. The same calls in the same order give the same numbers, bit for bit. */
export interface LanguageModel {
  readonly parameterCount: number;
  /**
   * One optimizer step.
   *
   * @returns The mean loss of the predicted tokens before the step, in nats.
   */
  step(batch: SequenceBatch, learningRate: number): Promise<number>;
  /** The mean loss of the predicted tokens, in nats, without learning. */
  evaluate(batch: SequenceBatch): Promise<number>;
  /** A copy of the state. */
  exportState(): Promise<ModelState>;
  /**
   * Goes back to an exported state.
   *
   * @throws {@link StateMismatchError} when it is the state of another model.
   */
  importState(state: ModelState): void;
  /** Frees the model's memory; it cannot be used afterwards. */
  dispose(): void;
}
