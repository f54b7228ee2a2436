import * as v from 'valibot';
import { fingerprint } from '../core/fingerprint.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { EpochSampler } from './epoch-sampler.js';
import type { IndexOrder } from './index-order.js';
import { seedOption } from './order-source.js';
import { ShardOrder } from './shard-order.js';

/** A dataset that consists of shards. */
export interface Sharded {
  /** Samples of each shard, in order. */
  readonly shardLengths: readonly number[];
}

export interface ShardSamplerOptions {
  /** Fixes the orders of all epochs. @defaultValue `0` */
  readonly seed?: number;
  /**
   * Shards per window. More shards shuffle better and keep more shards open: a sample moves at most by the length of a
   * window. @defaultValue `8`
   */
  readonly windowShards?: number;
}

const schema = v.strictObject({ seed: seedOption, windowShards: v.optional(integerFrom(1), 8) });

/**
 * A random order that reads shard by shard and changes each epoch: shards in a random order, `windowShards` at a time,
 * with the samples of each window shuffled. Use it for remote data and for row groups, where a fully random order would
 * fetch a shard per sample. It is computed, like `RandomSampler`: it seeks, resumes and changes world size at no cost, in
 * O(shards) memory.
 *
 * With one window (`windowShards` at least the number of shards) it is a full shuffle. With more windows, a batch contains
 * samples of at most `2 * windowShards` shards: if shards differ from one another, so do batches. Shuffle the data before
 * you write shards.
 */
export class ShardSampler extends EpochSampler {
  readonly elastic = true;
  readonly shardLengths: readonly number[];
  readonly windowShards: number;
  readonly #seed: number;

  /** @throws {@link ConfigError} naming the option at fault. */
  constructor(source: Sharded, options: ShardSamplerOptions = {}) {
    const { seed = 0, windowShards } = parseOptions('ShardSampler options', schema, options);
    const { shardLengths } = parseOptions(
      'ShardSampler source',
      v.object({ shardLengths: v.array(integerFrom(0)) }),
      source,
    );
    super();
    this.shardLengths = shardLengths;
    this.windowShards = windowShards;
    this.#seed = seed;
  }

  get length(): number {
    return this.shardLengths.reduce((sum, length) => sum + length, 0);
  }

  fingerprint(): string {
    const { shardLengths, windowShards } = this;
    return fingerprint({ sampler: 'ShardSampler', shardLengths, windowShards, seed: this.#seed });
  }

  protected order(epoch: number): IndexOrder {
    const { shardLengths, windowShards } = this;
    return new ShardOrder({ shardLengths, windowShards, seed: this.#seed, epoch });
  }
}
