export type { ArrayColumn, ArraySample, NamedArraysOptions } from './arrays/named-arrays.js';
export { NpyDataset } from './arrays/npy-dataset.js';
export { NpzDataset } from './arrays/npz-dataset.js';
export { SafetensorsDataset } from './arrays/safetensors-dataset.js';
export type { StoredDType } from './arrays/stored-dtype.js';
export { ArrowDataset, type ArrowDatasetOptions } from './arrow/arrow-dataset.js';
export type { CsvColumn, CsvType, CsvValue } from './csv/csv-columns.js';
export { CsvDataset, type CsvDatasetOptions, type CsvRow } from './csv/csv-dataset.js';
export type { DataFiles } from './data-files.js';
export type { FormatName } from './find/detect-format.js';
export { ImageFolder, type ImageFolderOptions, type LabelledImage } from './images/image-folder.js';
export { IndexedDataset, type IndexedDatasetOptions } from './indexed/indexed-dataset.js';
export {
  IndexedDatasetBuilder,
  type IndexedDatasetBuilderOptions,
  type IndexedDatasetChecksums,
} from './indexed/indexed-dataset-builder.js';
export type { DTypeTable } from './indexed/indexed-dataset-dtypes.js';
export { type IntegerDType, smallestIntegerDtype } from './indexed/integer-dtype.js';
export { RemoteIndexedDataset, type RemoteIndexedDatasetOptions } from './indexed/remote-indexed-dataset.js';
export { type MdsColumn, MdsDataset, type MdsDatasetOptions } from './mds/mds-dataset.js';
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from './open-dataset.js';
export {
  ParquetDataset,
  type ParquetDatasetOptions,
  type ParquetRow,
} from './parquet/parquet-dataset.js';
export type { ParquetColumn } from './parquet/parquet-file.js';
export { JsonlDataset } from './text/jsonl-dataset.js';
export { TextDataset, type TextDatasetOptions, type TextUnit } from './text/text-dataset.js';
export { WebDataset } from './web/web-dataset.js';
export { WebDatasetStream } from './web/web-dataset-stream.js';
export type { WebDatasetOptions, WebSampleValues } from './web/web-options.js';
