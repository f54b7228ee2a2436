export { DataLoader, type DatasetSource, type LoaderPosition } from './data-loader.js';
export type { DataLoaderOptions } from './data-loader-options.js';
export type { LoaderState } from './loader-state.js';
export type { LoaderStats } from './loader-stats.js';
export { type PadCollate, type PadCollateOptions, padCollate } from './pad-collate.js';
export { type Repeatable, RepeatingLoader, type RepeatingLoaderOptions } from './repeating-loader.js';
export type { OnError } from './sample-steps.js';
export { type TorchCollate, type TorchCollateOptions, torchCollate } from './torch-collate.js';
export { getWorkerInfo, type WorkerInfo } from './worker-info.js';
