import type { Dataset } from '../../core/dataset.js';
import { originOf, type SampleOrigin } from '../../core/sample-origin.js';
import { sizeOfBatch, tokensOfSample } from '../../monitor/batch-size.js';
import type { IndexTask } from '../order/batch-task.js';
import { passAt } from '../order/order-positions.js';

/** What became of a task: which samples its batch holds. */
export interface MadeBatch {
  readonly value: unknown;
  /** The samples before they were collated; `undefined` if the dataset made the batch as a whole. */
  readonly samples: readonly unknown[] | undefined;
  /** The slots of the samples in the task. @defaultValue all */
  readonly slots?: readonly number[] | undefined;
}

/** Finds out where the samples of batches come from. */
export class OriginTracer {
  readonly #dataset: Dataset<unknown>;

  constructor(dataset: Dataset<unknown>) {
    this.#dataset = dataset;
  }

  /** The origins of a batch, in its order. */
  trace(
    { indices, positions, epoch, globalStep }: IndexTask,
    { value, samples, slots }: MadeBatch,
  ): SampleOrigin[] {
    let tokensOfEach: number | undefined;
    const tokensAt = (k: number): number => {
      if (samples) return tokensOfSample(samples[k]) ?? 0;
      tokensOfEach ??= Math.round(sizeOfBatch(value, undefined).tokens / indices.length);
      return tokensOfEach;
    };
    return Array.from({ length: slots?.length ?? indices.length }, (_, k) => {
      const slot = slots?.[k] ?? k;
      const pass = passAt(positions.start + slot * positions.step, this.#dataset.length);
      const stated = originOf(this.#dataset, indices[slot]!, { epoch, pass, globalStep });
      const { source, index, documents } = stated;
      const origin = { source, index, pass: stated.pass, tokens: stated.tokens ?? tokensAt(k) };
      return documents ? { ...origin, documents } : origin;
    });
  }
}
