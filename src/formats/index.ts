export { ArrowDataset, type ArrowDatasetOptions } from './arrow-dataset.js';
export type { CsvColumn, CsvType, CsvValue } from './csv-columns.js';
export { CsvDataset, type CsvDatasetOptions, type CsvRow } from './csv-dataset.js';
export type { DataFiles } from './data-files.js';
export type { FormatName } from './detect-format.js';
export { ImageFolder, type ImageFolderOptions, type LabelledImage } from './image-folder.js';
export { IndexedDataset, type IndexedDatasetOptions } from './indexed-dataset.js';
export {
  IndexedDatasetBuilder,
  type IndexedDatasetBuilderOptions,
  type IndexedDatasetChecksums,
} from './indexed-dataset-builder.js';
export type { DTypeTable } from './indexed-dataset-dtypes.js';
export { type IntegerDType, smallestIntegerDtype } from './integer-dtype.js';
export { JsonlDataset } from './jsonl-dataset.js';
export { type MdsColumn, MdsDataset, type MdsDatasetOptions } from './mds-dataset.js';
export type { ArrayColumn, ArraySample, NamedArraysOptions } from './named-arrays.js';
export { NpyDataset } from './npy-dataset.js';
export { NpzDataset } from './npz-dataset.js';
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from './open-dataset.js';
export {
  ParquetDataset,
  type ParquetDatasetOptions,
  type ParquetRow,
} from './parquet-dataset.js';
export type { ParquetColumn } from './parquet-file.js';
export { RemoteIndexedDataset, type RemoteIndexedDatasetOptions } from './remote-indexed-dataset.js';
export { SafetensorsDataset } from './safetensors-dataset.js';
export type { StoredDType } from './stored-dtype.js';
export { TextDataset, type TextDatasetOptions, type TextUnit } from './text-dataset.js';
export { WebDataset } from './web-dataset.js';
export { WebDatasetStream } from './web-dataset-stream.js';
export type { WebDatasetOptions, WebSampleValues } from './web-options.js';
