import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Dataset, isIterableDataset, isMapDataset } from '../../core/dataset.js';
import type { DType } from '../../core/dtype.js';
import { CollateError, ConfigError, FormatError, MillraceError, StorageError } from '../../core/errors.js';
import { makeFromRecipe } from '../../datasets/make-from-recipe.js';
import { openDataset } from '../../formats/index.js';
import { DataLoader } from '../../loader/index.js';

/** A loader whose samples and batches may be anything. */
export type AnyDataLoader = DataLoader<unknown, DType, unknown, boolean>;

/** What is measured. */
export interface Pipeline {
  /** As it is configured. */
  readonly loader: AnyDataLoader;
  /** Path of the data, where it is known and on this machine. */
  readonly file: string | undefined;
  /** Lets go of the data. The loader is ended apart. */
  close(): Promise<void>;
}

/** How data without a configuration is loaded. */
export interface PipelineOptions {
  readonly batchSize: number;
}

/**
 * Opens what is to be measured: a module whose default export is a `DataLoader`, a dataset, or a function that gives one of them; or data
 * of any format, which is shuffled and collated as it comes.
 *
 * @throws {@link StorageError} when there is nothing of that name, {@link ConfigError} when a module exports something else.
 */
export async function openPipeline(what: string, { batchSize }: PipelineOptions): Promise<Pipeline> {
  if (/\.[cm]?[jt]s$/.test(what)) return openModule(what, batchSize);
  const { dataset } = await openDataset(what);
  const file = existsSync(what) ? what : undefined;
  return { loader: await loaderOf(dataset, batchSize), file, close: async () => dataset.close?.() };
}

async function openModule(path: string, batchSize: number): Promise<Pipeline> {
  if (!existsSync(path)) {
    throw new StorageError('There is no such file', {
      where: { file: path },
      next: 'Name a module that exports a loader, or data.',
    });
  }
  const value = await importDefault(path);
  if (value instanceof DataLoader) return { loader: value, file: undefined, close: async () => {} };
  if (isMapDataset(value) || isIterableDataset(value)) {
    const loader: AnyDataLoader = isMapDataset(value)
      ? new DataLoader<unknown>(pathToFileURL(resolve(path)), { batchSize, shuffle: true })
      : new DataLoader<unknown>(pathToFileURL(resolve(path)), { batchSize });
    return { loader, file: undefined, close: async () => value.close?.() };
  }
  const problem = { field: path, message: 'exports neither a DataLoader nor a dataset by default' };
  throw new ConfigError('millrace bench', [problem]);
}

async function importDefault(path: string): Promise<unknown> {
  try {
    return await makeFromRecipe({
      module: pathToFileURL(resolve(path)).href,
      export: 'default',
      calls: true,
    });
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    const next = 'The cause has its own error.';
    throw new FormatError('The module cannot be loaded', { where: { file: path }, next, cause });
  }
}

/** A loader that collates where the samples let themselves be, and gives them as a list where not: rows of text of different fields. */
async function loaderOf(dataset: Dataset<unknown>, batchSize: number): Promise<AnyDataLoader> {
  const loader = new DataLoader<unknown>(dataset, { batchSize, shuffle: true });
  try {
    for await (const _ of loader) break;
    loader.setEpoch(0);
    return loader;
  } catch (error) {
    if (!(error instanceof CollateError)) throw error;
    const collate = (samples: readonly unknown[]): unknown => samples;
    return new DataLoader<unknown, DType, unknown, boolean>(dataset, { batchSize, shuffle: true, collate });
  }
}
