import type { Collate, CollateContext } from '../core/collate.js';
import { ShapeError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import { isTensor } from '../core/tensor.js';
import { WorkerModule } from '../datasets/worker-module.js';
import type { VariableBatchSampler } from './variable-batch-sampler.js';

/** Extends a sample to a length. */
export type SamplePadding<T> = (sample: T, length: number) => T | Promise<T>;

/** The samples of a batch that is collated when it is delivered. */
export interface GatheredSamples<T> {
  readonly samples: readonly T[];
  readonly context: CollateContext;
}

/** Pads and collates the samples of batches of variable size, as they are delivered. */
export class VariableDelivery<T, B> {
  readonly #sampler: VariableBatchSampler;
  readonly #collate: Collate<T, B> | WorkerModule<Collate<T, B>> | null | undefined;
  readonly #pad: SamplePadding<T> | undefined;

  constructor(
    sampler: VariableBatchSampler,
    collate: Collate<T, B> | WorkerModule<Collate<T, B>> | null | undefined,
    pad: SamplePadding<T> | undefined,
  ) {
    this.#sampler = sampler;
    this.#collate = collate;
    this.#pad = pad;
  }

  /**
   * @param step - Steps since the start of an epoch.
   * @returns the batch; without a collate function, the samples
   */
  async deliver({ samples, context }: GatheredSamples<T>, step: number): Promise<B> {
    const collate = this.#collate instanceof WorkerModule ? await this.#collate.load() : this.#collate;
    const padded = await this.#padded(samples, step);
    return collate ? collate(padded, context) : (padded as B);
  }

  async #padded(samples: readonly T[], step: number): Promise<readonly T[]> {
    const pad = this.#pad;
    if (!pad) return samples;
    const { ids, paddedLengths } = this.#sampler.stepAt(step % this.#sampler.length);
    return Promise.all(
      samples.map((sample, k) => {
        const longest = paddedLengths[k]!;
        const own = tokensOf(sample);
        if (own === undefined || own <= longest) return pad(sample, longest);
        throw new ShapeError(
          `Sample ${ids[k]} has ${own} tokens, and its batch was packed for at most ${longest}`,
          {
            where: { index: ids[k]!, step },
            next: 'Pass the lengths of these samples, in their order, or measure them again.',
          },
        );
      }),
    );
  }
}

/** The length of a sample, if it is one sequence. */
function tokensOf(sample: unknown): number | undefined {
  if (isTensor(sample)) return sample.shape[0];
  const length = propertyOf(sample, 'length');
  return typeof length === 'number' ? length : undefined;
}
