import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importDefault } from '../../config/import-default.js';
import { openConfig } from '../../config/index.js';
import { type Dataset, isIterableDataset, isMapDataset } from '../../core/dataset.js';
import type { DType } from '../../core/dtype.js';
import { CollateError, ConfigError } from '../../core/errors.js';
import { detectRank } from '../../distributed/index.js';
import { openDataset } from '../../formats/index.js';
import { DataLoader } from '../../loader/index.js';

/** A loader of any sample and batch type. */
export type AnyDataLoader = DataLoader<unknown, DType, unknown, unknown, boolean>;

/** A loader to measure. */
export interface Pipeline {
  /** The loader as configured. */
  readonly loader: AnyDataLoader;
  /** Path of the data, if known and local. */
  readonly file: string | undefined;
  /** Closes the data. Close the loader separately. */
  close(): Promise<void>;
}

/** Options for data without a configuration. */
export interface PipelineOptions {
  readonly batchSize: number;
}

/**
 * Opens a loader to measure: a configuration; a module whose default export is a `DataLoader`, a dataset, or a function that returns
 * one of them; or data of any format, shuffled and collated by default.
 *
 * @throws {@link StorageError} if the file does not exist, {@link ConfigError} if a module exports something else, and for a
 *   DeepSpeed configuration, which names no data.
 */
export async function openPipeline(what: string, { batchSize }: PipelineOptions): Promise<Pipeline> {
  if (/\.[cm]?[jt]s$/.test(what) && existsSync(what)) {
    const { value } = await importDefault(what, detectRank());
    if (isMapDataset(value) || isIterableDataset(value)) {
      const source = pathToFileURL(resolve(what));
      const options = isMapDataset(value) ? { batchSize, shuffle: true } : { batchSize };
      const loader: AnyDataLoader = new DataLoader<unknown>(source, options);
      return { loader, file: undefined, close: async () => value.close?.() };
    }
  }
  if (/\.([cm]?[jt]s|json)$/.test(what)) return openConfigured(what);
  const { dataset } = await openDataset(what);
  const file = existsSync(what) ? what : undefined;
  return { loader: await loaderOf(dataset, batchSize), file, close: async () => dataset.close?.() };
}

async function openConfigured(path: string): Promise<Pipeline> {
  // Any number of samples works: a DeepSpeed configuration is refused below, because it names no data.
  const { loader, files, close } = await openConfig(path, { samples: 2 ** 20 });
  if (loader instanceof DataLoader) return { loader, file: files.find((file) => existsSync(file)), close };
  await close();
  throw new ConfigError(
    'millrace bench',
    [
      {
        field: path,
        message: 'exports a DeepSpeedDataLoader, whose number of workers follows from DeepSpeed’s rules',
      },
    ],
    { next: 'Name the data itself, or a millrace.config.ts with the same data and batch size.' },
  );
}

/** A loader that collates the samples if possible, and otherwise yields them as lists. */
async function loaderOf(dataset: Dataset<unknown>, batchSize: number): Promise<AnyDataLoader> {
  const loader = new DataLoader<unknown>(dataset, { batchSize, shuffle: true });
  try {
    for await (const _ of loader) break;
    loader.setEpoch(0);
    return loader;
  } catch (error) {
    if (!(error instanceof CollateError)) throw error;
    const collate = (samples: readonly unknown[]): unknown => samples;
    return new DataLoader<unknown, DType, unknown, unknown, boolean>(dataset, {
      batchSize,
      shuffle: true,
      collate,
    });
  }
}
