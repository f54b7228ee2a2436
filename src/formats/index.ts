export { ImageFolder, type ImageFolderOptions, type LabelledImage } from './image-folder.js';
export { IndexedDataset, type IndexedDatasetOptions } from './indexed-dataset.js';
export { IndexedDatasetBuilder, type IndexedDatasetBuilderOptions } from './indexed-dataset-builder.js';
export type { DTypeTable } from './indexed-dataset-dtypes.js';
export { type IntegerDType, smallestIntegerDtype } from './integer-dtype.js';
