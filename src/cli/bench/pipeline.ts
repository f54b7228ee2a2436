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
 * Opens what is to be measured: a configuration; a module whose default export is a `DataLoader`, a dataset, or a function that gives
 * one of them; or data of any format, which is shuffled and collated as it comes.
 *
 * @throws {@link StorageError} when there is nothing of that name, {@link ConfigError} when a module exports something else, and for a
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
  // A DeepSpeed configuration names no data; it is refused below, whatever the number of samples.
  const { loader, files, close } = await openConfig(path, { samples: 2 ** 20 });
  if (loader instanceof DataLoader) return { loader, file: files.find((file) => existsSync(file)), close };
  await close();
  throw new ConfigError(
    'millrace bench',
    [{ field: path, message: 'gives a DeepSpeedDataLoader, whose workers DeepSpeed’s rules choose' }],
    { next: 'Name the data itself, or a millrace.config.ts with the same data and batch size.' },
  );
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
