export {
  DataLoader,
  type DatasetSource,
  type LoaderPosition,
  type LoaderWhenSeenOptions,
  type PlannedBatch,
} from './data-loader.js';
export type { DataLoaderOptions } from './data-loader-options.js';
export type { GivenBatch, LentBatch } from './lent-batch.js';
export type { LoaderState } from './loader-state.js';
export type { LoaderStats } from './loader-stats.js';
export { type PackedTokens, packCollate } from './pack-collate.js';
export { type PadCollate, type PadCollateOptions, padCollate } from './pad-collate.js';
export type { Receipt } from './receipt.js';
export type { RankLayout } from './receipt-chain.js';
export { type Repeatable, RepeatingLoader, type RepeatingLoaderOptions } from './repeating-loader.js';
export type { OnError } from './sample-steps.js';
export { type TorchCollate, type TorchCollateOptions, torchCollate } from './torch-collate.js';
export { type ReceiptDifference, type ReceiptVerification, verifyReceipt } from './verify-receipt.js';
export { getWorkerInfo, type WorkerInfo } from './worker-info.js';
