import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { lengthOf, type Positions, type Sized } from '../core/sampler.js';
import type { Sighting } from '../core/sighting.js';
import { IndexPermutation } from '../random/index-permutation.js';
import { orderKey } from '../random/order-key.js';
import { TorchGenerator } from '../random/torch-generator.js';
import { EpochSampler } from './epoch-sampler.js';
import { generatorOption } from './generator-option.js';
import type { IndexOrder } from './index-order.js';

import { epochsOf, type ResolvedWhenSeen, sightingsAt } from './when-seen.js';

export interface DistributedSamplerOptions {
  /** Ranks that share the dataset. Pass either `worldSize` or `numReplicas`. */
  readonly worldSize?: number;
  /** PyTorch's name for `worldSize`. */
  readonly numReplicas?: number;
  /** The rank of this process, `0 … worldSize - 1`. */
  readonly rank: number;
  /** Whether the order is random instead of `0, 1, 2, …`. @defaultValue `true` */
  readonly shuffle?: boolean;
  /** Fixes the orders of all epochs; the same on all ranks. @defaultValue the initial seed of `generator`, else `0` */
  readonly seed?: number;
  /** Whether to drop the last indices, so that all ranks have the same number, instead of repeating the first ones. @defaultValue `false` */
  readonly dropLast?: boolean;
  /**
   * What happens if the ranks do not divide the dataset, unless `dropLast` drops the rest: `'repeat'` repeats the first indices, as
   * PyTorch does; with `'short'`, for evaluations, some ranks have one index fewer. @defaultValue `'repeat'`
   */
  readonly uneven?: 'repeat' | 'short';
  /**
   * Selects PyTorch's order: each epoch is drawn from a new generator, seeded with seed + epoch. This generator sets the
   * release, and the seed if that option is absent; it is not advanced.
   */
  readonly generator?: TorchGenerator;
}

const schema = v.strictObject({
  worldSize: v.optional(integerFrom(1)),
  numReplicas: v.optional(integerFrom(1)),
  rank: integerFrom(0),
  shuffle: v.optional(booleanOption, true),
  // Like PyTorch's generator, which accepts any 64-bit seed.
  seed: v.optional(v.pipe(v.number('must be a number'), v.safeInteger('must be a whole number'))),
  dropLast: v.optional(booleanOption, false),
  uneven: v.optional(v.picklist(['repeat', 'short'], "must be 'repeat' or 'short'"), 'repeat'),
  generator: generatorOption,
});

/**
 * One rank's part of an order that all ranks share: the positions rank, rank + worldSize, rank + 2·worldSize, …
 *
 * If the ranks cannot have the same number of indices, the order continues with its own beginning until they can; see
 * {@link DistributedSampler.uniqueLength}. A rank computes its positions in O(1) memory. With `generator`, the order
 * equals PyTorch's `DistributedSampler` bit for bit, at 4 to 8 bytes per sample of the dataset.
 */
export class DistributedSampler extends EpochSampler {
  /** The order depends on the world size. For an elastic order, use a sampler for all ranks and the loader's `worldSize`. */
  readonly elastic = false;
  readonly worldSize: number;
  readonly rank: number;
  readonly #source: Sized;
  readonly #options: v.InferOutput<typeof schema>;

  /**
   * @param source - A dataset, whose length is read each epoch, or a length.
   * @throws {@link ConfigError} naming the option at fault.
   */
  constructor(source: Sized, options: DistributedSamplerOptions) {
    super();
    this.#options = parseOptions('DistributedSampler options', schema, options);
    this.#source = source;
    this.worldSize = worldSizeOf(this.#options);
    this.rank = this.#options.rank;
  }

  get positions(): Positions {
    return { start: this.rank, step: this.worldSize };
  }

  /** Indices of this rank: the same on all ranks, unless `uneven` is `'short'`. */
  get length(): number {
    const { dropLast, uneven } = this.#options;
    if (uneven === 'short') return this.#ownPositions();
    const share = lengthOf(this.#source) / this.worldSize;
    return dropLast ? Math.floor(share) : Math.ceil(share);
  }

  /** Indices of all ranks together, including repeated ones. */
  get totalSize(): number {
    return this.#options.uneven === 'short' ? lengthOf(this.#source) : this.length * this.worldSize;
  }

  /**
   * Indices of this rank without padding: the first ones of the epoch. The rest repeats indices, which an evaluation must
   * not count.
   */
  get uniqueLength(): number {
    return Math.min(this.length, this.#ownPositions());
  }

  /**
   * Whether epoch e of seed s is drawn from seed s + e, as PyTorch does and this sampler does with `generator`: epoch 1 of
   * seed 0 then equals epoch 0 of seed 1.
   */
  get sharesOrdersWithNextSeed(): boolean {
    return this.#options.shuffle && this.#options.generator !== undefined;
  }

  /** The same on all ranks. */
  fingerprint(): string {
    const { shuffle, dropLast, uneven, generator } = this.#options;
    return fingerprint({
      sampler: 'DistributedSampler',
      samples: lengthOf(this.#source),
      worldSize: this.worldSize,
      dropLast,
      uneven: uneven === 'short',
      order: shuffle && { seed: String(this.#seed()), torch: generator?.release ?? null },
    });
  }

  protected order(epoch: number): IndexOrder {
    const samples = lengthOf(this.#source);
    const { rank, worldSize } = this;
    const shared = samples === 0 ? identity : this.#sharedOrder(samples, epoch);
    const own = this.#ownPositions();
    return {
      length: this.length,
      fill(out, start) {
        const unique = Math.max(0, Math.min(out.length, own - start));
        shared(out.subarray(0, unique), rank + start * worldSize, worldSize);
        for (let i = unique; i < out.length; i++) {
          shared(out.subarray(i, i + 1), (rank + (start + i) * worldSize) % samples, 1);
        }
      },
      positionsOf: (index) =>
        this.#sharedPositions(index, epoch)
          .filter((position) => position % worldSize === rank)
          .map((position) => (position - rank) / worldSize),
    };
  }

  /** The occurrences on all ranks, each of which makes its own batches. */
  protected override *sightings(sample: number, options: ResolvedWhenSeen): Generator<Sighting> {
    for (const epoch of epochsOf(options)) {
      for (const position of this.#sharedPositions(sample, epoch)) {
        const rank = position % this.worldSize;
        const own = [(position - rank) / this.worldSize];
        const seen = sightingsAt(own, epoch, this.length, { ...options, worldSize: 1 });
        for (const sighting of seen) yield { ...sighting, rank };
      }
    }
  }

  /** Yields the positions of an index in the order of all ranks, including the repeated beginning. */
  #sharedPositions(index: number, epoch: number): number[] {
    const samples = lengthOf(this.#source);
    const { shuffle, generator } = this.#options;
    checkIndex(index, samples, 'DistributedSampler');
    let first = index;
    if (shuffle) {
      first = generator
        ? this.#torchOrder(epoch, generator).indexOf(index)
        : new IndexPermutation(samples, orderKey(this.#seed(), epoch)).indexOf(index);
    }
    const positions: number[] = [];
    for (let position = first; position < this.totalSize; position += samples) positions.push(position);
    return positions;
  }

  #torchOrder(epoch: number, { release }: TorchGenerator) {
    const seed = BigInt.asUintN(64, this.#seed() + BigInt(epoch));
    return new TorchGenerator(seed, { release }).randperm(lengthOf(this.#source));
  }

  #sharedOrder(samples: number, epoch: number): FillByStep {
    const { shuffle, generator } = this.#options;
    if (!shuffle) return identity;
    if (!generator) {
      const permutation = new IndexPermutation(samples, orderKey(this.#seed(), epoch));
      return (out, first, step) => permutation.fill(out, first, step);
    }
    const order = this.#torchOrder(epoch, generator);
    return (out, first, step) => {
      for (let i = 0; i < out.length; i++) out[i] = order[first + i * step]!;
    };
  }

  /** Positions of this rank before the order repeats. */
  #ownPositions(): number {
    return Math.max(0, Math.ceil((lengthOf(this.#source) - this.rank) / this.worldSize));
  }

  #seed(): bigint {
    const { seed, generator } = this.#options;
    return seed === undefined ? (generator?.initialSeed ?? 0n) : BigInt(seed);
  }
}

/** Writes the indices at positions `first`, `first + step`, … of the order of all ranks. */
type FillByStep = (out: Int32Array | Float64Array, first: number, step: number) => void;

const identity: FillByStep = (out, first, step) => {
  for (let i = 0; i < out.length; i++) out[i] = first + i * step;
};

function worldSizeOf({
  worldSize,
  numReplicas,
  rank,
  dropLast,
  uneven,
}: v.InferOutput<typeof schema>): number {
  const problem = (field: string, message: string) =>
    new ConfigError('DistributedSampler options', [{ field, message }]);
  const size = worldSize ?? numReplicas;
  if (size === undefined) throw problem('worldSize', 'is missing');
  if (numReplicas !== undefined && numReplicas !== size)
    throw problem('numReplicas', `differs from worldSize, which is ${size}`);
  if (rank >= size) throw problem('rank', `must be below worldSize, which is ${size}, not ${rank}`);
  if (dropLast && uneven === 'short')
    throw problem('dropLast', "has no effect together with uneven: 'short'");
  return size;
}
