import * as v from 'valibot';
import type { IndexArray } from '../core/dataset.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { parseOptions } from '../core/options.js';
import type { TorchGenerator } from '../random/index.js';
import { DrawnOrder } from './drawn-order.js';
import { EpochSampler } from './epoch-sampler.js';
import { generatorOption } from './generator-option.js';
import { type IndexOrder, listOrder } from './index-order.js';
import { checkOrderSource, describeOrderSource, seedOption } from './order-source.js';
import { ShuffledOrder } from './shuffled-order.js';

export interface SubsetRandomSamplerOptions {
  /** Fixes the orders of all epochs. @defaultValue `0` */
  readonly seed?: number;
  /**
   * Draws PyTorch's order from this generator, whose state advances from pass to pass. PyTorch's default is
   * `defaultGenerator`. Excludes `seed`.
   */
  readonly generator?: TorchGenerator;
}

const schema = v.strictObject({ seed: seedOption, generator: generatorOption });

/** Selected indices of a dataset in a random order that changes each epoch. `seed` and `generator` work as in `RandomSampler`. */
export class SubsetRandomSampler extends EpochSampler {
  readonly elastic = true;
  readonly #indices: Float64Array;
  readonly #options: v.InferOutput<typeof schema>;

  /**
   * @param indices - The indices. They are copied, 8 bytes each.
   * @throws {@link ConfigError} naming the option at fault.
   */
  constructor(indices: IndexArray, options: SubsetRandomSamplerOptions = {}) {
    const resolved = parseOptions('SubsetRandomSampler options', schema, options);
    checkOrderSource('SubsetRandomSampler options', resolved);
    const copied = Float64Array.from(indices);
    super(
      resolved.generator &&
        new DrawnOrder(resolved.generator, (engine, start) => draw(engine, copied, start)),
    );
    this.#indices = copied;
    this.#options = resolved;
  }

  get length(): number {
    return this.#indices.length;
  }

  fingerprint(): string {
    return fingerprint({
      sampler: 'SubsetRandomSampler',
      indices: fingerprintBytes(this.#indices),
      order: describeOrderSource(this.#options),
    });
  }

  protected order(epoch: number): IndexOrder {
    const indices = this.#indices;
    const { seed = 0 } = this.#options;
    const places = new ShuffledOrder({ samples: indices.length, length: indices.length, seed, epoch });
    return {
      length: indices.length,
      fill(out, start) {
        places.fill(out, start);
        for (let i = 0; i < out.length; i++) out[i] = indices[out[i]!]!;
      },
      positionsOf(index) {
        const positions = [...listOrder(indices).positionsOf(index)].flatMap((place) => [
          ...places.positionsOf(place),
        ]);
        return positions.sort((a, b) => a - b);
      },
    };
  }
}

function* draw(generator: TorchGenerator, indices: Float64Array, start: number): Iterable<number> {
  for (const place of generator.randperm(indices.length).subarray(start)) yield indices[place]!;
}
