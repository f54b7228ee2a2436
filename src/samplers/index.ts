export { BatchSampler, type BatchSamplerOptions } from './batch-sampler.js';
export { DistributedSampler, type DistributedSamplerOptions } from './distributed-sampler.js';
export { RandomSampler, type RandomSamplerOptions } from './random-sampler.js';
export { SequentialSampler } from './sequential-sampler.js';
export { type Sharded, ShardSampler, type ShardSamplerOptions } from './shard-sampler.js';
export { SubsetRandomSampler, type SubsetRandomSamplerOptions } from './subset-random-sampler.js';
export { TokenBudgetSampler, type TokenBudgetSamplerOptions } from './token-budget-sampler.js';
export { WeightedRandomSampler, type WeightedRandomSamplerOptions } from './weighted-random-sampler.js';
