export { ArrayDataset } from './array-dataset.js';
export { ChainDataset } from './chain-dataset.js';
export { ConcatDataset } from './concat-dataset.js';
export { filterDataset } from './filter-dataset.js';
export { MapDataset } from './map-dataset.js';
export {
  MixtureDataset,
  type MixtureOptions,
  type SourceSample,
} from './mixture-dataset.js';
export { randomSplit } from './random-split.js';
export { ShuffleBuffer } from './shuffle-buffer.js';
export { StackDataset, type StackedSample } from './stack-dataset.js';
export { Subset } from './subset.js';
export { TensorDataset } from './tensor-dataset.js';
export { type WorkerDataset, type WorkerFunction, workerDataset, workerFunction } from './worker-module.js';
