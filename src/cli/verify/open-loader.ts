import { existsSync } from 'node:fs';
import { importDefault } from '../../config/import-default.js';
import { openConfig } from '../../config/index.js';
import { ConfigError, StorageError } from '../../core/errors.js';
import type { BatchSource } from './verify-against.js';

/** What is compared, and how it is opened. */
export interface OpenLoaderOptions {
  /** Length of the dataset. Needed for a DeepSpeed configuration. */
  readonly samples: number | undefined;
  readonly rank: number;
  readonly worldSize: number;
  readonly parity: boolean;
}

/** A loader, and how to be done with it. */
export interface OpenedLoader {
  readonly loader: BatchSource;
  close(): Promise<void>;
}

/**
 * Opens what gives the batches: the default export of a module, a declared configuration, or the sample ids that a DeepSpeed
 * configuration asks for.
 *
 * @param path - A module (`.js`, `.mjs`, `.ts`) or a configuration (anything else).
 * @throws {@link StorageError} when there is no such file, {@link ConfigError} when it gives no batches.
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
      message: 'exports no loader by default: it must be iterable, or a function that returns one',
    },
  ]);
}

async function openConfiguration(path: string, options: OpenLoaderOptions): Promise<OpenedLoader> {
  if (options.samples !== undefined) return openConfig(path, options);
  throw new ConfigError('millrace verify', [
    { field: '--samples', message: 'is missing: how many samples the dataset has' },
  ]);
}
