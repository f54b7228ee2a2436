import { FormatError } from '../core/errors.js';
import type { BuiltInRecipe, ClassRecipe, FromRecipe, Recipe } from '../core/recipe.js';
import { ownValue } from '../core/record.js';
import { valueOfModule } from '../datasets/module-value.js';
import { classOfRecipe } from '../formats/format-table.js';

type BuiltIn = () => Promise<FromRecipe<unknown>>;

/** Classes that move by name, besides those of formats. Each is imported when it is first needed. */
const builtIns: Readonly<Record<string, BuiltIn>> = {
  ArrayDataset: async () => (await import('../datasets/array-dataset.js')).ArrayDataset,
  BlobSource: async () => (await import('../storage/blob-source.js')).BlobSource,
  CachedSource: async () => (await import('../storage/cached-source.js')).CachedSource,
  CheckedDataset: async () => (await import('../formats/checked-dataset.js')).CheckedDataset,
  ChatDataset: async () => (await import('../tokens/chat-dataset.js')).ChatDataset,
  ChainDataset: async () => (await import('../datasets/chain-dataset.js')).ChainDataset,
  ConcatDataset: async () => (await import('../datasets/concat-dataset.js')).ConcatDataset,
  DecompressedSource: async () => {
    const { DecompressedSource } = await import('../storage/decompressed-source.js');
    return { fromRecipe: DecompressedSource.openFromRecipe };
  },
  FileSource: async () => (await import('../storage/file-source.js')).FileSource,
  HubDataset: async () => (await import('../formats/hub/hub-dataset.js')).HubDataset,
  HubRecords: async () => (await import('../formats/hub/hub-records.js')).HubRecords,
  LengthWarmup: async () => (await import('../tokens/length-warmup.js')).LengthWarmup,
  MapDataset: async () => (await import('../datasets/map-dataset.js')).MapDataset,
  MediaRows: async () => (await import('../formats/hub/media-rows.js')).MediaRows,
  MemorySource: async () => (await import('../storage/memory-source.js')).MemorySource,
  MixtureDataset: async () => (await import('../datasets/mixture-dataset.js')).MixtureDataset,
  MixtureStream: async () => (await import('../datasets/mixture-stream.js')).MixtureStream,
  PackedDataset: async () => (await import('../tokens/packed-dataset.js')).PackedDataset,
  PictureRows: async () => (await import('../formats/images/picture-rows.js')).PictureRows,
  RemoteSource: async () => (await import('../storage/remote-source.js')).RemoteSource,
  SampleRows: async () => (await import('../formats/hub/table-splits.js')).SampleRows,
  ShuffleBuffer: async () => (await import('../datasets/shuffle-buffer.js')).ShuffleBuffer,
  SplitSequences: async () => (await import('../tokens/split-sequences.js')).SplitSequences,
  StackDataset: async () => (await import('../datasets/stack-dataset.js')).StackDataset,
  StreamDataset: async () => (await import('../datasets/stream-dataset.js')).StreamDataset,
  Subset: async () => (await import('../datasets/subset.js')).Subset,
  TensorDataset: async () => (await import('../datasets/tensor-dataset.js')).TensorDataset,
  TokenWindowStream: async () => (await import('../tokens/token-window-stream.js')).TokenWindowStream,
  TokenWindows: async () => (await import('../tokens/token-windows.js')).TokenWindows,
  tokenize: async () => (await import('../tokens/tokenize.js')).tokenizeFromRecipe,
};

/**
 * Makes the value of a recipe in this thread: a dataset of a format, another built-in, or a value or class of a module.
 *
 * @throws {@link FormatError} for a name that Millrace does not have; what {@link valueOfModule} throws.
 */
export async function makeFromRecipe<T>(recipe: Recipe): Promise<T> {
  const value =
    'module' in recipe && !('args' in recipe)
      ? valueOfModule(recipe)
      : (await makerOf(recipe)).fromRecipe(recipe.args as never, makeFromRecipe);
  return value as Promise<T>;
}

async function makerOf(recipe: BuiltInRecipe | ClassRecipe): Promise<FromRecipe<unknown>> {
  if ('module' in recipe) return (await valueOfModule({ ...recipe, calls: false })) as FromRecipe<unknown>;
  const maker = ownValue(builtIns, recipe.builtIn)?.() ?? classOfRecipe(recipe.builtIn);
  if (maker) return maker;
  throw new FormatError(`A recipe names ${recipe.builtIn}, which Millrace does not have`, {
    where: { builtIn: recipe.builtIn },
    next: 'Make the recipe again with this version of Millrace.',
  });
}
