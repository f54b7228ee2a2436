export { type Collate, type CollateContext, type CollateOptions, defaultCollate } from './collate.js';
export type { BatchOf, Collated } from './collated.js';
export type {
  Allocate,
  BatchContext,
  Dataset,
  IndexArray,
  IterableDataset,
  SampleContext,
  SamplePart,
  SampleRandom,
  ShardContext,
  StatefulStream,
} from './dataset.js';
export { bytesPerElement, type DType, dtypeOf, dtypes, type TypedArray, type TypedArrayOf } from './dtype.js';
export * from './errors.js';
export type { Json, JsonObject } from './json.js';
export { type ImportModule, provideModules } from './provided-modules.js';
export { type Movable, type Recipe, toRecipe } from './recipe.js';
export type { BatchSampler as BatchSource, OrderCapabilities, Positions, Sampler, Sized } from './sampler.js';
export type { Sighting, WhenSeenOptions } from './sighting.js';
export { type DTypeOfArray, elementCount, isTensor, row, type Tensor, tensor, zeroTensor } from './tensor.js';
export type { TorchRelease } from './torch-release.js';
