export { DataLoader } from './data-loader.js';
export type { DataLoaderOptions } from './data-loader-options.js';
export type { LentBatch } from './lent-batch.js';
export type { LoaderState } from './loader-state.js';
export type { LoaderStats } from './loader-stats.js';
export { type PadCollate, padCollate } from './pad-collate.js';
export { RepeatingLoader } from './repeating-loader.js';
export { getWorkerInfo, type WorkerInfo } from './worker-info.js';
