import { FormatError, MissingPeerError } from '../core/errors.js';
import type { FromRecipe, Recipe } from '../core/recipe.js';
import { providedModule, providedNames } from './provided-modules.js';

type BuiltIn = () => Promise<FromRecipe<unknown>>;

/** Datasets that move by name. Each is imported when it is first needed. */
const builtIns: Readonly<Record<string, BuiltIn>> = {
  ArrowDataset: async () => (await import('../formats/arrow-dataset.js')).ArrowDataset,
  ArrayDataset: async () => (await import('./array-dataset.js')).ArrayDataset,
  CachedSource: async () => (await import('../storage/cached-source.js')).CachedSource,
  ChainDataset: async () => (await import('./chain-dataset.js')).ChainDataset,
  ConcatDataset: async () => (await import('./concat-dataset.js')).ConcatDataset,
  CsvDataset: async () => (await import('../formats/csv-dataset.js')).CsvDataset,
  DecompressedSource: async () => {
    const { DecompressedSource } = await import('../storage/decompressed-source.js');
    return { fromRecipe: DecompressedSource.openFromRecipe };
  },
  FileSource: async () => (await import('../storage/file-source.js')).FileSource,
  ImageFolder: async () => (await import('../formats/image-folder.js')).ImageFolder,
  IndexedDataset: async () => (await import('../formats/indexed-dataset.js')).IndexedDataset,
  JsonlDataset: async () => (await import('../formats/jsonl-dataset.js')).JsonlDataset,
  MapDataset: async () => (await import('./map-dataset.js')).MapDataset,
  MdsDataset: async () => (await import('../formats/mds-dataset.js')).MdsDataset,
  MemorySource: async () => (await import('../storage/memory-source.js')).MemorySource,
  MixtureDataset: async () => (await import('./mixture-dataset.js')).MixtureDataset,
  NpyDataset: async () => (await import('../formats/npy-dataset.js')).NpyDataset,
  NpzDataset: async () => (await import('../formats/npz-dataset.js')).NpzDataset,
  PackedDataset: async () => (await import('./packed-dataset.js')).PackedDataset,
  ParquetDataset: async () => (await import('../formats/parquet-dataset.js')).ParquetDataset,
  RemoteSource: async () => (await import('../storage/remote-source.js')).RemoteSource,
  SafetensorsDataset: async () => (await import('../formats/safetensors-dataset.js')).SafetensorsDataset,
  ShuffleBuffer: async () => (await import('./shuffle-buffer.js')).ShuffleBuffer,
  StackDataset: async () => (await import('./stack-dataset.js')).StackDataset,
  Subset: async () => (await import('./subset.js')).Subset,
  TensorDataset: async () => (await import('./tensor-dataset.js')).TensorDataset,
  TextDataset: async () => (await import('../formats/text-dataset.js')).TextDataset,
  TokenWindows: async () => (await import('./token-windows.js')).TokenWindows,
  WebDataset: async () => (await import('../formats/web-dataset.js')).WebDataset,
  WebDatasetStream: async () => (await import('../formats/web-dataset-stream.js')).WebDatasetStream,
};

/**
 * Makes what a recipe describes, in this thread: a built-in by its name, anything else by importing its module.
 *
 * @throws {@link FormatError} when the module has no such export, {@link MissingPeerError} when it is TypeScript and
 *   nothing here can load that.
 */
export async function makeFromRecipe(recipe: Recipe): Promise<unknown> {
  if ('builtIn' in recipe) {
    const BuiltInClass = await builtIns[recipe.builtIn]!();
    return BuiltInClass.fromRecipe(recipe.args as never, makeFromRecipe);
  }
  const exports = await importModule(recipe.module);
  if (!(recipe.export in exports)) {
    throw new FormatError(`The module has no export named ${recipe.export}`, {
      where: { module: recipe.module, exports: Object.keys(exports).join(', ') || '(none)' },
      next: `Export it, or name another one with { export: '…' }.`,
    });
  }
  const value = exports[recipe.export];
  return recipe.calls && typeof value === 'function' ? await value(recipe.options) : value;
}

async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  const provided = providedModule(url);
  if (provided) return provided;
  if (url.startsWith('worker:')) {
    throw new FormatError(`No module is provided under the name ${url}`, {
      where: { provided: providedNames().join(', ') || '(none)' },
      next: `Where it is needed, call provideModules({ '${url}': () => import('./…') }) of millrace/worker.`,
    });
  }
  if (/\.[mc]?tsx?$/.test(new URL(url).pathname) && !loadsTypeScript()) await registerTypeScript(url);
  return (await import(/* @vite-ignore */ url)) as Record<string, unknown>;
}

/** Whether this platform loads TypeScript by itself: Node.js from 22.18 does, a bundler has compiled it. */
function loadsTypeScript(): boolean {
  return (
    typeof process === 'undefined' ||
    Boolean((process.features as { typescript?: unknown } | undefined)?.typescript)
  );
}

let registered: Promise<unknown> | undefined;

// Registered before the first try: Node.js 20 remembers a module that failed to load.
async function registerTypeScript(url: string): Promise<void> {
  const tsx = 'tsx/esm/api';
  registered ??= import(/* @vite-ignore */ tsx).then(({ register }: { register: () => unknown }) =>
    register(),
  );
  try {
    await registered;
  } catch (cause) {
    throw new MissingPeerError('A dataset module in TypeScript cannot be loaded by this version of Node.js', {
      where: { module: url },
      next: 'Run: npm install tsx, or use Node.js 22.18 or later, or name the compiled .js file.',
      cause,
    });
  }
}
