import { ConfigError } from '../../core/errors.js';
import type { BatchSampler as BatchSource, Sampler } from '../../core/sampler.js';
import { BatchSampler } from '../../samplers/batch-sampler.js';
import { RandomSampler } from '../../samplers/random-sampler.js';
import { SequentialSampler } from '../../samplers/sequential-sampler.js';
import { ShardSampler } from '../../samplers/shard-sampler.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { DatasetFacts } from './dataset-facts.js';

/** A map-style dataset always has a length; samplers read it in each epoch. */
export type MapFacts = DatasetFacts & { readonly length: number };

/** Creates the sampler of the global batches of a map-style dataset. */
export function createBatchSampler(dataset: MapFacts, options: ResolvedOptions): BatchSource {
  if (options.batchSampler) return options.batchSampler;
  const { sampler } = options;
  return batchesOf(sampler ?? samplerOf(dataset, options), options);
}

/** The order that `shuffle` selects. */
export function samplerOf(
  dataset: Pick<MapFacts, 'length' | 'shardLengths'>,
  { shuffle = false, seed, generator }: Pick<ResolvedOptions, 'shuffle' | 'seed' | 'generator'>,
): Sampler {
  if (shuffle === 'shards') return shardOrder(dataset, seed);
  if (shuffle) return new RandomSampler(dataset, generator ? { generator } : { seed });
  return new SequentialSampler(dataset);
}

function batchesOf(sampler: Sampler, options: ResolvedOptions): BatchSource {
  const { batchSize = 1, dropLast = false, uneven, worldSize, gradientAccumulationSteps } = options;
  const last = sampler.length % batchSize;
  const isUneven = last > 0 && last < worldSize * gradientAccumulationSteps;
  return new BatchSampler(sampler, { batchSize, dropLast: dropLast || (uneven === 'none' && isUneven) });
}

function shardOrder({ shardLengths }: Pick<MapFacts, 'shardLengths'>, seed: number): ShardSampler {
  if (shardLengths) return new ShardSampler({ shardLengths }, { seed });
  const message = "is 'shards', but the dataset does not list its shards (shardLengths): use true";
  throw new ConfigError('DataLoader options', [{ field: 'shuffle', message }]);
}
