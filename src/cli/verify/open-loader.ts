import { existsSync } from 'node:fs';
import { importDefault } from '../../config/import-default.js';
import { openConfig } from '../../config/index.js';
import { ConfigError, StorageError } from '../../core/errors.js';
import type { BatchSource } from './verify-against.js';

/** Options of {@link openLoader}. */
export interface OpenLoaderOptions {
  /** Length of the dataset. Needed for a DeepSpeed configuration. */
  readonly samples: number | undefined;
  readonly rank: number;
  readonly worldSize: number;
  readonly parity: boolean;
}

/** A loader, and a function that closes it. */
export interface OpenedLoader {
  readonly loader: BatchSource;
  close(): Promise<void>;
}

/**
 * Opens the source of batches: the default export of a module, a configuration, or the sample ids of a DeepSpeed
 * configuration.
 *
 * @param path - A module (`.js`, `.mjs`, `.ts`) or a configuration (anything else).
 * @throws {@link StorageError} if the file does not exist, {@link ConfigError} if it yields no batches.
 */
export async function openLoader(path: string, options: OpenLoaderOptions): Promise<OpenedLoader> {
  if (!existsSync(path)) {
    throw new StorageError('There is no such file', {
      where: { file: path },
      next: 'Name a module that exports a loader, or a DeepSpeed configuration.',
    });
  }
  return /\.[cm]?[jt]s$/.test(path) ? openModule(path, options) : openConfiguration(path, options);
}

async function openModule(path: string, { rank, worldSize }: OpenLoaderOptions): Promise<OpenedLoader> {
  const { value } = await importDefault(path, { rank, worldSize });
  const loader = value as Partial<
    AsyncIterable<unknown> & Iterable<unknown> & { close(): Promise<void>; data: unknown }
  > | null;
  if (loader?.[Symbol.asyncIterator] || loader?.[Symbol.iterator])
    return { loader: loader as BatchSource, close: async () => loader.close?.() };
  if (loader?.data !== undefined) return openConfig(path, { rank, worldSize });
  throw new ConfigError('millrace verify', [
    {
      field: path,
      message: 'has no loader as default export: export an iterable, or a function that returns one',
    },
  ]);
}

async function openConfiguration(path: string, options: OpenLoaderOptions): Promise<OpenedLoader> {
  if (options.samples !== undefined) return openConfig(path, options);
  throw new ConfigError('millrace verify', [
    { field: '--samples', message: 'is missing: pass the number of samples of the dataset' },
  ]);
}
