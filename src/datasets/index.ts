export { ArrayDataset } from './array-dataset.js';
export { ChainDataset } from './chain-dataset.js';
export { ConcatDataset } from './concat-dataset.js';
export { documentLengths } from './document-lengths.js';
export { filterDataset } from './filter-dataset.js';
export { MapDataset, type MapFunction } from './map-dataset.js';
export {
  MixtureDataset,
  type MixtureOptions,
  type MixtureStage,
  type SourceDraw,
  type SourceProgress,
  type SourceSample,
} from './mixture-dataset.js';
export {
  PackedDataset,
  type PackedDatasetOptions,
  type PackedRow,
  type TokenDocuments,
  type Tokens,
} from './packed-dataset.js';
export type { Piece } from './packing.js';
export { type RandomSplitOptions, randomSplit } from './random-split.js';
export { ShuffleBuffer, type ShuffleBufferOptions } from './shuffle-buffer.js';
export { type DatasetColumns, StackDataset, type StackedSample } from './stack-dataset.js';
export { Subset } from './subset.js';
export { type TensorColumns, TensorDataset } from './tensor-dataset.js';
export type { RemoteTokenSource, TokenSource } from './token-source.js';
export { TokenWindowStream, type TokenWindowStreamOptions } from './token-window-stream.js';
export {
  type TokenWindow,
  TokenWindows,
  type TokenWindowsOptions,
} from './token-windows.js';
export { type Tokenize, type TokenizeOptions, tokenize } from './tokenize.js';
export {
  type Tokenizer,
  type TokenizerChoice,
  type TokenizerLike,
  type TokenizerName,
  tokenizerNames,
} from './tokenizer.js';
export {
  type WorkerDataset,
  type WorkerFunction,
  WorkerModule,
  type WorkerModuleOptions,
  workerDataset,
  workerFunction,
} from './worker-module.js';
