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
  /** Tokens per micro-batch, including padding. */
  readonly maxTokens: number;
  readonly microBatches: number;
  /** Maximum padding of a sample, as a fraction of its length. */
  readonly maxPadding: number;
  /** Maximum samples per micro-batch. */
  readonly maxSamples: number;
  readonly dropLast: boolean;
}

/** A bucket: samples of nearly equal length. */
interface Bucket {
  /** The start of the bucket among the sorted samples, and its number of samples. */
  readonly start: number;
  readonly size: number;
  /** Samples per full global batch. */
  readonly batchSize: number;
  /** Samples in batches of this bucket only, the last of which may be smaller: each micro-batch receives the same number. */
  readonly batched: number;
  /** The bucket's first batch among the batches of all buckets. */
  readonly firstBatch: number;
}

/** A batch of samples that remain from several buckets. */
interface RestBatch {
  readonly start: number;
  readonly size: number;
}

/** The batches of all epochs, as positions in buckets. */
interface Layout {
  readonly buckets: readonly Bucket[];
  /** The remaining positions, from the longest samples to the shortest: the bucket and the position in it. */
  readonly rests: { readonly bucket: number[]; readonly place: number[] };
  readonly restBatches: readonly RestBatch[];
  /** Batches that contain samples of one bucket. */
  readonly bucketBatches: number;
}

/**
 * Batches of samples of nearly equal length. A batch holds as many samples as the budget allows when they are padded to
 * the longest of the bucket. Each epoch shuffles the batches, and the samples within each bucket.
 *
 * The remainder of a bucket, fewer samples than micro-batches, cannot be divided. The remainders of all buckets are
 * joined, so that only the last batch of an epoch can have fewer samples than micro-batches.
 */
export class LengthBuckets {
  readonly #ids: IdArray;
  #places: IdArray | undefined;
  readonly #samples: number;
  readonly #layout: Layout;
  readonly #firstBatches: readonly number[];
  readonly #starts: readonly number[];
  /** Whether the last batch of the layout has fewer samples than micro-batches: it comes last in every epoch. */
  readonly #endsShort: boolean;
  readonly batches: number;
  /** The number of parts that every batch but a short last one can fill. */
  readonly maxParts: number;

  constructor(lengths: Float64Array, options: LengthBucketsOptions) {
    const sorted = sortByValue(lengths, firstIds(lengths.length));
    this.#ids = sorted.ids;
    this.#samples = lengths.length;
    this.#layout = layoutOf(sorted, options);
    const { buckets, restBatches, bucketBatches } = this.#layout;
    this.#endsShort = (restBatches.at(-1)?.size ?? options.microBatches) < options.microBatches;
    this.batches = bucketBatches + restBatches.length;
    this.maxParts = options.microBatches;
    this.#firstBatches = buckets.map(({ firstBatch }) => firstBatch);
    this.#starts = buckets.map(({ start }) => start);
  }

  /** The batches of one epoch; without a seed in order of length, with the remainders last. */
  order(epoch: number, seed: number | undefined): BudgetOrder {
    const shuffled = (length: number, purpose: string): TwoWayOrder =>
      seed === undefined || length === 0
        ? unshuffled
        : new IndexPermutation(length, orderKey(seed, epoch, purpose));
    const mixed = this.#endsShort ? this.batches - 1 : this.batches;
    const mixedOrder = shuffled(mixed, 'batches');
    const batchOrder: TwoWayOrder = {
      at: (position) => (position < mixed ? mixedOrder.at(position) : position),
      indexOf: (batch) => (batch < mixed ? mixedOrder.indexOf(batch) : batch),
    };
    const orders: (TwoWayOrder | undefined)[] = [];
    const orderOf = (k: number): TwoWayOrder =>
      (orders[k] ??= shuffled(this.#layout.buckets[k]!.size, `bucket ${k}`));
    const sampleAt = (k: number, place: number): number =>
      this.#ids[this.#layout.buckets[k]!.start + orderOf(k).at(place)]!;
    return {
      batches: this.batches,
      batchAt: (position) => this.#batchAt(batchOrder.at(position), sampleAt),
      placeOf: (sample) => {
        this.#places ??= invertIds(this.#ids, this.#samples);
        const place = this.#places[sample]!;
        const k = firstAbove(this.#starts, place) - 1;
        const bucket = this.#layout.buckets[k];
        if (!bucket || place >= bucket.start + bucket.size) return undefined;
        const found = this.#find(k, orderOf(k).indexOf(place - bucket.start));
        return found && { batch: batchOrder.indexOf(found.batch), position: found.position };
      },
    };
  }

  #batchAt(batch: number, sampleAt: (bucket: number, place: number) => number): number[] {
    const { buckets, rests, restBatches, bucketBatches } = this.#layout;
    if (batch >= bucketBatches) {
      const { start, size } = restBatches[batch - bucketBatches]!;
      return Array.from({ length: size }, (_, i) =>
        sampleAt(rests.bucket[start + i]!, rests.place[start + i]!),
      );
    }
    const k = firstAbove(this.#firstBatches, batch) - 1;
    const { batched, batchSize, firstBatch } = buckets[k]!;
    const first = (batch - firstBatch) * batchSize;
    const samples = new Array<number>(Math.min(batchSize, batched - first));
    for (let i = 0; i < samples.length; i++) samples[i] = sampleAt(k, first + i);
    return samples;
  }

  /** The batch that contains a position of a bucket, and the position in the batch; `undefined` if it is dropped. */
  #find(k: number, place: number): { readonly batch: number; readonly position: number } | undefined {
    const { buckets, rests, restBatches, bucketBatches } = this.#layout;
    const { batched, batchSize, firstBatch } = buckets[k]!;
    if (place < batched) {
      const own = Math.floor(place / batchSize);
      return { batch: firstBatch + own, position: place - own * batchSize };
    }
    // The remainder of a bucket is contiguous.
    const rest = rests.bucket.indexOf(k) + place - batched;
    const batch = restBatches.findIndex(({ start, size }) => rest >= start && rest < start + size);
    return batch < 0
      ? undefined
      : { batch: bucketBatches + batch, position: rest - restBatches[batch]!.start };
  }
}

function layoutOf(
  { distinct, counts }: SamplesByValue,
  { maxTokens, microBatches, maxPadding, maxSamples, dropLast }: LengthBucketsOptions,
): Layout {
  const buckets: Bucket[] = [];
  /** Samples of a bucket per micro-batch. */
  const perPart: number[] = [];
  let start = 0;
  let bucketBatches = 0;
  for (let row = 0; row < distinct.length && distinct[row]! <= maxTokens; ) {
    const longest = Math.min(maxTokens, Math.floor(distinct[row]! * (1 + maxPadding)));
    let size = 0;
    let last = row;
    for (; row < distinct.length && distinct[row]! <= longest; row++) {
      size += counts[row]!;
      last = row;
    }
    const share = Math.min(maxSamples, Math.floor(maxTokens / distinct[last]!));
    const batchSize = microBatches * share;
    const batched = size - (size % microBatches);
    buckets.push({ start, size, batchSize, batched, firstBatch: bucketBatches });
    perPart.push(share);
    start += size;
    bucketBatches += Math.ceil(batched / batchSize);
  }
  const rests: Record<'bucket' | 'place', number[]> = { bucket: [], place: [] };
  for (let k = buckets.length - 1; k >= 0; k--) {
    for (let place = buckets[k]!.batched; place < buckets[k]!.size; place++) {
      rests.bucket.push(k);
      rests.place.push(place);
    }
  }
  const restBatches: RestBatch[] = [];
  for (let first = 0; first < rests.bucket.length; ) {
    // The first sample is the longest, so the others fit too.
    const wanted = Math.min(microBatches * perPart[rests.bucket[first]!]!, rests.bucket.length - first);
    const size = wanted < microBatches ? wanted : wanted - (wanted % microBatches);
    if (size >= microBatches || !dropLast) restBatches.push({ start: first, size });
    first += size;
  }
  return { buckets, rests, restBatches, bucketBatches };
}
