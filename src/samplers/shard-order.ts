import { firstAbove } from '../core/first-above.js';
import { IndexPermutation } from '../random/index-permutation.js';
import { orderKey } from '../random/order-key.js';
import type { IndexBuffer, IndexOrder } from './index-order.js';

/** The parameters of an order of shards. */
export interface ShardOrderSettings {
  /** Samples of each shard. */
  readonly shardLengths: readonly number[];
  /** Shards per window. */
  readonly windowShards: number;
  readonly seed: number;
  readonly epoch: number;
}

/** A window: shards whose samples are shuffled together. */
interface Window {
  /** The position of its first sample in the order. */
  readonly start: number;
  readonly shards: readonly number[];
  /** Cumulative samples of its shards. */
  readonly ends: readonly number[];
  readonly order: IndexPermutation;
}

/**
 * Shards in a random order, cut into windows; the samples of each window in a random order. Reading touches one window of
 * shards at a time, and each shard once. Any position costs O(log shards); O(shards) memory.
 */
export class ShardOrder implements IndexOrder {
  readonly length: number;
  /** The first index of each shard. */
  readonly #firsts: readonly number[];
  readonly #windows: readonly Window[];
  readonly #windowEnds: readonly number[];
  /** The window of each shard. */
  readonly #windowOf: Int32Array;

  constructor({ shardLengths, windowShards, seed, epoch }: ShardOrderSettings) {
    let first = 0;
    this.#firsts = shardLengths.map((length) => {
      first += length;
      return first - length;
    });
    this.length = first;
    const shuffled = new IndexPermutation(shardLengths.length, orderKey(seed, epoch, 'shards'));
    const windows: Window[] = [];
    this.#windowOf = new Int32Array(shardLengths.length);
    for (let place = 0, start = 0; place < shardLengths.length; place += windowShards) {
      const count = Math.min(windowShards, shardLengths.length - place);
      const shards = Array.from({ length: count }, (_, k) => shuffled.at(place + k));
      let end = 0;
      const ends = shards.map((shard) => {
        this.#windowOf[shard] = windows.length;
        end += shardLengths[shard]!;
        return end;
      });
      const order = new IndexPermutation(end, orderKey(seed, epoch, `window ${windows.length}`));
      windows.push({ start, shards, ends, order });
      start += end;
    }
    this.#windows = windows;
    this.#windowEnds = windows.map(({ start, ends }) => start + ends[ends.length - 1]!);
  }

  fill(out: IndexBuffer, start: number): void {
    let number = firstAbove(this.#windowEnds, start);
    for (let k = 0; k < out.length; k++) {
      while (start + k >= this.#windowEnds[number]!) number += 1;
      const { start: begun, shards, ends, order } = this.#windows[number]!;
      const sample = order.at(start + k - begun);
      const place = firstAbove(ends, sample);
      out[k] = this.#firsts[shards[place]!]! + sample - (place === 0 ? 0 : ends[place - 1]!);
    }
  }

  *positionsOf(index: number): Generator<number> {
    if (!(index >= 0 && index < this.length)) return;
    // An empty shard has the same start as the next one.
    const shard = firstAbove(this.#firsts, index) - 1;
    const { start, shards, ends, order } = this.#windows[this.#windowOf[shard]!]!;
    const place = shards.indexOf(shard);
    const before = place === 0 ? 0 : ends[place - 1]!;
    yield start + order.indexOf(before + index - this.#firsts[shard]!);
  }
}
