import * as v from 'valibot';
import { fingerprint } from '../core/fingerprint.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { EpochSampler } from './epoch-sampler.js';
import type { IndexOrder } from './index-order.js';
import { seedOption } from './order-source.js';
import { ShardOrder } from './shard-order.js';

/** A dataset that lies in shards, one behind the other. */
export interface Sharded {
  /** Samples of each shard: what is read together. */
  readonly shardLengths: readonly number[];
}

export interface ShardSamplerOptions {
  /** Fixes the orders of all epochs. @defaultValue `0` */
  readonly seed?: number;
  /**
   * Shards that are mixed with one another. More mix better and hold more shards at a time: a sample can be no further from those
   * beside it on the disk than the samples of so many shards. @defaultValue `8`
   */
  readonly windowShards?: number;
}

const schema = v.strictObject({ seed: seedOption, windowShards: v.optional(integerFrom(1), 8) });

/**
 * A random order that reads shard by shard, another one each epoch: shards come in a random order, `windowShards` at a time, and their
 * samples are mixed within that window. For data that is far away, or compressed in groups of rows, where samples in any order
 * would each fetch a shard. Computed, like `RandomSampler`: it seeks, resumes and resizes at no cost, in O(shards) memory.
 *
 * With one window (`windowShards` at least the number of shards) it is a full shuffle. With fewer, samples of a batch come from at most
 * `2 * windowShards` shards: where shards differ much from one another, batches do, too; so write shards that are mixed already.
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
