import { firstAbove } from '../core/first-above.js';
import {
  firstIds,
  type IdArray,
  invertIds,
  type SamplesByValue,
  sortByValue,
} from '../core/sort-by-value.js';
import { IndexPermutation, orderKey } from '../random/index.js';
import { type BudgetOrder, type TwoWayOrder, unshuffled } from './budget-order.js';

export interface LengthBucketsOptions {
  /** Tokens a micro-batch, padding included. */
  readonly maxTokens: number;
  readonly microBatches: number;
  /** Most padding of a sample, as a part of its length. */
  readonly maxPadding: number;
  /** Most samples a micro-batch. */
  readonly maxSamples: number;
  readonly dropLast: boolean;
}

/** Samples of nearly equal length. */
interface Bucket {
  /** Where they begin among the sorted samples, and how many they are. */
  readonly start: number;
  readonly size: number;
  /** Samples a global batch. */
  readonly batchSize: number;
  /** Their first batch among those of all buckets. */
  readonly firstBatch: number;
}

/**
 * Batches of samples of nearly equal length, each with as many as the budget holds when all are padded to the longest of the
 * bucket. Batches of all buckets are mixed, and the samples inside each bucket, anew each epoch.
 */
export class LengthBuckets {
  readonly #ids: IdArray;
  #places: IdArray | undefined;
  readonly #samples: number;
  readonly #buckets: readonly Bucket[];
  readonly #firstBatches: readonly number[];
  readonly #starts: readonly number[];
  readonly batches: number;

  constructor(lengths: Float64Array, options: LengthBucketsOptions) {
    const sorted = sortByValue(lengths, firstIds(lengths.length));
    this.#ids = sorted.ids;
    this.#samples = lengths.length;
    const { buckets, batches } = bucketsOf(sorted, options);
    this.#buckets = buckets;
    this.batches = batches;
    this.#firstBatches = buckets.map(({ firstBatch }) => firstBatch);
    this.#starts = buckets.map(({ start }) => start);
  }

  /** The batches of one epoch; in the order of length without a seed. */
  order(epoch: number, seed: number | undefined): BudgetOrder {
    const shuffled = (length: number, purpose: string): TwoWayOrder =>
      seed === undefined ? unshuffled : new IndexPermutation(length, orderKey(seed, epoch, purpose));
    const batchOrder = this.batches > 0 ? shuffled(this.batches, 'batches') : unshuffled;
    const orders: (TwoWayOrder | undefined)[] = [];
    const orderOf = (k: number): TwoWayOrder =>
      (orders[k] ??= shuffled(this.#buckets[k]!.size, `bucket ${k}`));
    return {
      batches: this.batches,
      batchAt: (position) => {
        const batch = batchOrder.at(position);
        const k = firstAbove(this.#firstBatches, batch) - 1;
        const { start, size, batchSize, firstBatch } = this.#buckets[k]!;
        const first = (batch - firstBatch) * batchSize;
        const samples = new Array<number>(Math.min(batchSize, size - first));
        for (let i = 0; i < samples.length; i++) samples[i] = this.#ids[start + orderOf(k).at(first + i)]!;
        return samples;
      },
      placeOf: (sample) => {
        this.#places ??= invertIds(this.#ids, this.#samples);
        const place = this.#places[sample]!;
        const k = firstAbove(this.#starts, place) - 1;
        const bucket = this.#buckets[k];
        if (!bucket || place >= bucket.start + bucket.size) return undefined;
        const slot = orderOf(k).indexOf(place - bucket.start);
        const own = Math.floor(slot / bucket.batchSize);
        const batch = bucket.firstBatch + own;
        const end = this.#firstBatches[k + 1] ?? this.batches;
        // The last samples of a bucket may be dropped.
        if (batch >= end) return undefined;
        return { batch: batchOrder.indexOf(batch), position: slot - own * bucket.batchSize };
      },
    };
  }
}

function bucketsOf(
  { distinct, counts }: SamplesByValue,
  { maxTokens, microBatches, maxPadding, maxSamples, dropLast }: LengthBucketsOptions,
): { readonly buckets: Bucket[]; readonly batches: number } {
  const buckets: Bucket[] = [];
  let start = 0;
  let batches = 0;
  for (let row = 0; row < distinct.length && distinct[row]! <= maxTokens; ) {
    const longest = Math.min(maxTokens, Math.floor(distinct[row]! * (1 + maxPadding)));
    let size = 0;
    let last = row;
    for (; row < distinct.length && distinct[row]! <= longest; row++) {
      size += counts[row]!;
      last = row;
    }
    const batchSize = microBatches * Math.min(maxSamples, Math.floor(maxTokens / distinct[last]!));
    buckets.push({ start, size, batchSize, firstBatch: batches });
    start += size;
    batches += dropLast ? Math.floor(size / batchSize) : Math.ceil(size / batchSize);
  }
  return { buckets, batches };
}
