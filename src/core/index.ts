export { type Collate, type CollateContext, defaultCollate } from './collate.js';
export type { BatchOf, Collated } from './collated.js';
export type {
  BatchContext,
  Dataset,
  IndexArray,
  IterableDataset,
  SampleContext,
  ShardContext,
  StatefulStream,
} from './dataset.js';
export type { DType, TypedArray } from './dtype.js';
export { MillraceError } from './errors.js';
export type { JsonObject } from './json.js';
export { provideModules } from './provided-modules.js';
export type { SampleOrigin } from './sample-origin.js';
export type { BatchSampler as BatchSource, Sampler } from './sampler.js';
export type { Sighting, WhenSeenOptions } from './sighting.js';
export { type Tensor, tensor } from './tensor.js';
