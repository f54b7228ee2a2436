export { BatchSampler } from './batch-sampler.js';
export { DistributedSampler } from './distributed-sampler.js';
export { RandomSampler } from './random-sampler.js';
export { SequentialSampler } from './sequential-sampler.js';
export { ShardSampler } from './shard-sampler.js';
export { SubsetRandomSampler } from './subset-random-sampler.js';
export { WeightedRandomSampler } from './weighted-random-sampler.js';
