import { FormatError } from '../core/errors.js';
import type { FromRecipe, Recipe } from '../core/recipe.js';
import { ownValue } from '../core/record.js';
import { valueOfModule } from '../datasets/module-value.js';

type BuiltIn = () => Promise<FromRecipe<unknown>>;

/** Datasets that move by name. Each is imported when it is first needed. */
const builtIns: Readonly<Record<string, BuiltIn>> = {
  ArrowDataset: async () => (await import('../formats/arrow/arrow-dataset.js')).ArrowDataset,
  ArrayDataset: async () => (await import('../datasets/array-dataset.js')).ArrayDataset,
  BlobSource: async () => (await import('../storage/blob-source.js')).BlobSource,
  CachedSource: async () => (await import('../storage/cached-source.js')).CachedSource,
  ChatDataset: async () => (await import('../tokens/chat-dataset.js')).ChatDataset,
  ChainDataset: async () => (await import('../datasets/chain-dataset.js')).ChainDataset,
  ConcatDataset: async () => (await import('../datasets/concat-dataset.js')).ConcatDataset,
  CsvDataset: async () => (await import('../formats/csv/csv-dataset.js')).CsvDataset,
  DecompressedSource: async () => {
    const { DecompressedSource } = await import('../storage/decompressed-source.js');
    return { fromRecipe: DecompressedSource.openFromRecipe };
  },
  FileSource: async () => (await import('../storage/file-source.js')).FileSource,
  ImageFolder: async () => (await import('../formats/images/image-folder.js')).ImageFolder,
  IndexedDataset: async () => (await import('../formats/indexed/indexed-dataset.js')).IndexedDataset,
  JsonlDataset: async () => (await import('../formats/text/jsonl-dataset.js')).JsonlDataset,
  MapDataset: async () => (await import('../datasets/map-dataset.js')).MapDataset,
  MdsDataset: async () => (await import('../formats/mds/mds-dataset.js')).MdsDataset,
  MemorySource: async () => (await import('../storage/memory-source.js')).MemorySource,
  MixtureDataset: async () => (await import('../datasets/mixture-dataset.js')).MixtureDataset,
  NpyDataset: async () => (await import('../formats/arrays/npy-dataset.js')).NpyDataset,
  NpzDataset: async () => (await import('../formats/arrays/npz-dataset.js')).NpzDataset,
  PackedDataset: async () => (await import('../tokens/packed-dataset.js')).PackedDataset,
  ParquetDataset: async () => (await import('../formats/parquet/parquet-dataset.js')).ParquetDataset,
  RemoteIndexedDataset: async () =>
    (await import('../formats/indexed/remote-indexed-dataset.js')).RemoteIndexedDataset,
  RemoteSource: async () => (await import('../storage/remote-source.js')).RemoteSource,
  SafetensorsDataset: async () =>
    (await import('../formats/arrays/safetensors-dataset.js')).SafetensorsDataset,
  ShuffleBuffer: async () => (await import('../datasets/shuffle-buffer.js')).ShuffleBuffer,
  StackDataset: async () => (await import('../datasets/stack-dataset.js')).StackDataset,
  Subset: async () => (await import('../datasets/subset.js')).Subset,
  TensorDataset: async () => (await import('../datasets/tensor-dataset.js')).TensorDataset,
  TextDataset: async () => (await import('../formats/text/text-dataset.js')).TextDataset,
  TokenWindowStream: async () => (await import('../tokens/token-window-stream.js')).TokenWindowStream,
  TokenWindows: async () => (await import('../tokens/token-windows.js')).TokenWindows,
  WebDataset: async () => (await import('../formats/web/web-dataset.js')).WebDataset,
  WebDatasetStream: async () => (await import('../formats/web/web-dataset-stream.js')).WebDatasetStream,
  tokenize: async () => (await import('../tokens/tokenize.js')).tokenizeFromRecipe,
};

/**
 * Makes what a recipe describes, in this thread: a built-in by its name, anything else by importing its module.
 *
 * @throws what {@link valueOfModule} throws.
 */
export async function makeFromRecipe(recipe: Recipe): Promise<unknown> {
  if (!('builtIn' in recipe)) return valueOfModule(recipe);
  const importIt = ownValue(builtIns, recipe.builtIn);
  if (!importIt)
    throw new FormatError(`A recipe names ${recipe.builtIn}, which Millrace does not have`, {
      where: { builtIn: recipe.builtIn },
      next: 'Make the recipe again with this version of Millrace.',
    });
  const BuiltInClass = await importIt();
  return BuiltInClass.fromRecipe(recipe.args as never, makeFromRecipe);
}
