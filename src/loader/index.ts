export { getWorkerInfo, type WorkerInfo } from '../core/worker-info.js';
export { type PadCollate, padCollate } from './batch/pad-collate.js';
export { DataLoader } from './data-loader.js';
export type { DataLoaderOptions } from './data-loader-options.js';
export type { LoaderStats } from './engine/loader-stats.js';
export { RepeatingLoader } from './repeating-loader.js';
export type { LoaderState } from './state/loader-state.js';
