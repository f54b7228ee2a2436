import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { propertyOf } from '../core/property-of.js';
import { type BatchSampler, lengthOf, type Sized } from '../core/sampler.js';
import { type Sighting, sightingsIn, sightingsInPieces, type WhenSeenOptions } from '../core/sighting.js';
import { epochsOf, resolveWhenSeen } from '../samplers/when-seen.js';
import type { BudgetOrder } from './budget-order.js';
import { LengthBuckets } from './length-buckets.js';
import { PackedBatches } from './packed-batches.js';

export interface TokenBudgetSamplerOptions {
  /** Tokens of each sample: whole numbers of 1 or more. */
  readonly lengths: ArrayLike<number>;
  /** Maximum tokens of a micro-batch's part for one rank. */
  readonly maxTokens: number;
  /**
   * Parts of a global batch: ranks times gradient accumulation steps, or a multiple. A loader with more ranks refuses the
   * sampler; with fewer ranks the batches stay the same. @defaultValue `1`
   */
  readonly microBatches?: number;
  /**
   * How batches are composed. `'buckets'`: samples of nearly equal length, to be padded to the longest; padding counts.
   * `'packing'`: samples whose total length fills the budget, to be concatenated (`packCollate`) without padding.
   * @defaultValue `'buckets'`
   */
  readonly method?: 'buckets' | 'packing';
  /** `'buckets'`: maximum padding of a sample, as a fraction of its length. @defaultValue `0.125` */
  readonly maxPadding?: number;
  /** `'buckets'`: maximum samples of a micro-batch. @defaultValue as many as `maxTokens` allows */
  readonly maxSamples?: number;
  /** How to treat samples longer than `maxTokens`: throw, or skip them and count them in `skipped`. @defaultValue `'throw'` */
  readonly tooLong?: 'throw' | 'skip';
  /**
   * Whether to drop a short last batch: with `'buckets'`, one of fewer samples than micro-batches; with `'packing'`, one
   * of fewer rows than micro-batches. @defaultValue `false`
   */
  readonly dropLast?: boolean;
  /** Fixes the batches of all epochs. @defaultValue `0` */
  readonly seed?: number;
  /** Whether each epoch has different batches in a different order. Otherwise batches are in order of length. @defaultValue `true` */
  readonly shuffle?: boolean;
}

const schema = v.strictObject({
  lengths: v.custom<ArrayLike<number>>(
    (value) => typeof propertyOf(value, 'length') === 'number',
    'must be the number of tokens of each sample',
  ),
  maxTokens: integerFrom(1),
  microBatches: v.optional(integerFrom(1), 1),
  method: v.optional(v.picklist(['buckets', 'packing'], "must be 'buckets' or 'packing'"), 'buckets'),
  maxPadding: v.optional(v.pipe(v.number('must be a number'), v.minValue(0, 'must be 0 or more'))),
  maxSamples: v.optional(integerFrom(1)),
  tooLong: v.optional(v.picklist(['throw', 'skip'], "must be 'throw' or 'skip'"), 'throw'),
  dropLast: v.optional(booleanOption, false),
  seed: v.optional(integerFrom(0), 0),
  shuffle: v.optional(booleanOption, true),
});

type Resolved = v.InferOutput<typeof schema>;

/**
 * Batches bounded by tokens instead of samples: few long samples, or many short ones. A `batchSampler` for a `DataLoader`.
 *
 * Every epoch's batches are a function of lengths, options, seed and epoch: permutations exchange the samples of a bucket,
 * or samples of equal length in the packing, and shuffle the batches. Any batch, and the batch of any sample, is computed
 * without the batches before it.
 *
 * Ranks and micro-batches receive contiguous parts of a global batch: the same number of samples of a bucket, or the same
 * number of packed rows. The remainder of a bucket (fewer samples than micro-batches) is joined with the remainders of
 * other buckets; only in those batches lengths differ more. So every batch but the last has samples for all micro-batches.
 *
 * @remarks O(n) to construct; 4 bytes per sample for buckets, 16 for packing. A batch costs O(log buckets + samples).
 */
export class TokenBudgetSampler implements BatchSampler {
  readonly seekable = true;
  readonly elastic = true;
  readonly deterministic = true;
  /** Number of skipped samples: those longer than the budget. */
  readonly skipped: number;
  /** The micro-batches. */
  readonly maxParts: number;
  /** A packed batch can be cut between rows, a batch of a bucket between any two samples. */
  readonly cutPoints: BatchSampler['cutPoints'];
  readonly #options: Resolved;
  readonly #lengths: Float64Array;
  readonly #batches: LengthBuckets | PackedBatches;
  #epoch = 0;
  #start = 0;

  /**
   * @param source - The dataset, or its length.
   * @throws {@link ConfigError} naming the option at fault, or the first sample without length or longer than `maxTokens`.
   */
  constructor(source: Sized, options: TokenBudgetSamplerOptions) {
    const resolved = parseOptions('TokenBudgetSampler options', schema, options);
    const { maxTokens, microBatches, method, maxPadding, maxSamples, dropLast, shuffle } = resolved;
    this.#options = resolved;
    this.#lengths = checkedLengths(lengthOf(source), resolved);
    if (method === 'packing' && (maxPadding !== undefined || maxSamples !== undefined))
      throw problem(maxPadding === undefined ? 'maxSamples' : 'maxPadding', 'has no effect on packing');
    this.skipped = this.#lengths.reduce((count, length) => count + (length > maxTokens ? 1 : 0), 0);
    this.#batches =
      method === 'buckets'
        ? new LengthBuckets(this.#lengths, {
            maxTokens,
            microBatches,
            maxPadding: maxPadding ?? 0.125,
            maxSamples: maxSamples ?? Number.POSITIVE_INFINITY,
            dropLast,
          })
        : new PackedBatches(
            this.#lengths.map((length) => (length > maxTokens ? 0 : length)),
            { maxTokens, microBatches, dropLast, seed: shuffle ? resolved.seed : undefined },
          );
    this.maxParts = this.#batches.maxParts;
    if (method === 'packing') this.cutPoints = (batch) => this.#pieces(batch);
  }

  /** Batches per epoch, the same in all epochs. */
  get length(): number {
    return this.#batches.batches;
  }

  /** @throws {@link ConfigError} unless it is whole and 0 or more. */
  setEpoch(epoch: number): void {
    const epochSchema = v.strictObject({ epoch: integerFrom(0) });
    this.#epoch = parseOptions('TokenBudgetSampler.setEpoch', epochSchema, { epoch }).epoch;
  }

  /** Makes the next iteration, and only that one, begin at batch `batch`. @throws {@link ConfigError} past the end. */
  seek(batch: number): void {
    const upToEnd = v.pipe(
      integerFrom(0),
      v.maxValue(this.length, `must be at most the length, ${this.length}`),
    );
    parseOptions('TokenBudgetSampler.seek', v.strictObject({ batch: upToEnd }), { batch });
    this.#start = batch;
  }

  *[Symbol.iterator](): Generator<number[]> {
    const start = this.#start;
    this.#start = 0;
    const order = this.#order(this.#epoch);
    for (let batch = start; batch < order.batches; batch++) yield order.batchAt(batch);
  }

  /**
   * Returns every occurrence of a sample in some epochs. O(log n) each.
   *
   * @throws {@link IndexRangeError} if there is no such sample.
   */
  whenSeen(sample: number, options: Omit<WhenSeenOptions, 'batchSize' | 'dropLast'> = {}): Sighting[] {
    checkIndex(sample, this.#lengths.length, 'TokenBudgetSampler');
    const resolved = resolveWhenSeen('TokenBudgetSampler', options);
    const sightings: Sighting[] = [];
    for (const epoch of epochsOf(resolved)) {
      const order = this.#order(epoch);
      const place = order.placeOf(sample);
      if (!place) continue;
      const at = { epoch, step: place.batch };
      const batch = order.batchAt(place.batch);
      const seen =
        this.#options.method === 'buckets'
          ? sightingsIn(at, place.position, batch.length, resolved)
          : sightingsInPieces(at, place.position, resolved, this.#pieces(batch));
      sightings.push(...seen);
    }
    return sightings;
  }

  fingerprint(): string {
    const { lengths: _, ...options } = this.#options;
    return fingerprint({
      sampler: 'TokenBudgetSampler',
      lengths: fingerprintBytes(this.#lengths),
      ...options,
      rests: 'joined',
      maxPadding: options.maxPadding ?? null,
      maxSamples: options.maxSamples ?? null,
    });
  }

  #order(epoch: number): BudgetOrder {
    const { seed, shuffle } = this.#options;
    return this.#batches.order(epoch, shuffle ? seed : undefined);
  }

  /**
   * The positions at which a packed batch can be cut: each piece fits the budget. Greedy filling yields the fewest pieces;
   * if they are fewer than the micro-batches, the pieces with the most samples are halved.
   */
  #pieces(batch: ArrayLike<number>): number[] {
    const starts = [0];
    let tokens = 0;
    for (let i = 0; i < batch.length; i++) {
      const length = this.#lengths[batch[i]!]!;
      if (tokens + length > this.#options.maxTokens) {
        starts.push(i);
        tokens = 0;
      }
      tokens += length;
    }
    starts.push(batch.length);
    while (starts.length - 1 < Math.min(this.#options.microBatches, batch.length)) {
      let longest = 0;
      for (let k = 1; k < starts.length - 1; k++)
        if (starts[k + 1]! - starts[k]! > starts[longest + 1]! - starts[longest]!) longest = k;
      starts.splice(longest + 1, 0, Math.floor((starts[longest]! + starts[longest + 1]!) / 2));
    }
    return starts;
  }
}

function checkedLengths(samples: number, { lengths, maxTokens, tooLong }: Resolved): Float64Array {
  if (lengths.length !== samples)
    throw problem('lengths', `has ${lengths.length} numbers for ${samples} samples`);
  const copied = Float64Array.from(lengths);
  const wrong = copied.findIndex((length) => !(Number.isSafeInteger(length) && length >= 1));
  if (wrong >= 0)
    throw problem(`lengths.${wrong}`, `must be a whole number of 1 or more, not ${copied[wrong]}`);
  const long = copied.findIndex((length) => length > maxTokens);
  if (long >= 0 && tooLong === 'throw') {
    throw problem(
      `lengths.${long}`,
      `is ${copied[long]}, above maxTokens, ${maxTokens}; raise it, shorten the sample, or pass tooLong: 'skip'`,
    );
  }
  return copied;
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('TokenBudgetSampler options', [{ field, message }]);
}
