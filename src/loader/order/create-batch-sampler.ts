import { ConfigError } from '../../core/errors.js';
import type { BatchSampler as BatchSource, Sampler } from '../../core/sampler.js';
import { BatchSampler, RandomSampler, SequentialSampler, ShardSampler } from '../../samplers/index.js';
import type { ResolvedOptions } from '../data-loader-options.js';
import type { DatasetFacts } from './dataset-facts.js';

/** A map-style dataset always has a length; samplers read it anew each epoch. */
export type MapFacts = DatasetFacts & { readonly length: number };

/** What gives the global batches of a map-style dataset. */
export function createBatchSampler(dataset: MapFacts, options: ResolvedOptions): BatchSource {
  if (options.batchSampler) return options.batchSampler;
  const { shuffle = false, sampler, seed, generator } = options;
  if (sampler) return batchesOf(sampler, options);
  const order =
    shuffle === 'shards'
      ? shardOrder(dataset, seed)
      : shuffle
        ? new RandomSampler(dataset, generator ? { generator } : { seed })
        : new SequentialSampler(dataset);
  return batchesOf(order, options);
}

function batchesOf(sampler: Sampler, options: ResolvedOptions): BatchSource {
  const { batchSize = 1, dropLast = false, uneven, worldSize, gradientAccumulationSteps } = options;
  const last = sampler.length % batchSize;
  const isUneven = last > 0 && last < worldSize * gradientAccumulationSteps;
  return new BatchSampler(sampler, { batchSize, dropLast: dropLast || (uneven === 'none' && isUneven) });
}

function shardOrder({ shardLengths }: MapFacts, seed: number): ShardSampler {
  if (shardLengths) return new ShardSampler({ shardLengths }, { seed });
  const message = "is 'shards', and the dataset does not say which it has (shardLengths): use true";
  throw new ConfigError('DataLoader options', [{ field: 'shuffle', message }]);
}
