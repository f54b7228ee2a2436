import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Dataset } from '../../core/dataset.js';
import { ConfigError, FormatError, MillraceError, StorageError } from '../../core/errors.js';
import { makeFromRecipe } from '../../datasets/make-from-recipe.js';
import { type DeepSpeedConfig, deepspeedIo, parseDeepSpeedConfig } from '../../deepspeed/index.js';
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
 * Opens what gives the batches: the default export of a module, or the sample ids that a DeepSpeed configuration asks for.
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
  return /\.[cm]?[jt]s$/.test(path) ? openModule(path) : openConfiguration(path, options);
}

async function openModule(path: string): Promise<OpenedLoader> {
  const loader = (await importDefault(path)) as Partial<
    AsyncIterable<unknown> & Iterable<unknown> & { close(): Promise<void> }
  > | null;
  if (!loader?.[Symbol.asyncIterator] && !loader?.[Symbol.iterator]) {
    throw new ConfigError('millrace verify', [
      {
        field: path,
        message: 'exports no loader by default: it must be iterable, or a function that returns one',
      },
    ]);
  }
  return { loader: loader as BatchSource, close: async () => loader.close?.() };
}

async function importDefault(path: string): Promise<unknown> {
  const module = pathToFileURL(resolve(path)).href;
  try {
    return await makeFromRecipe({ module, export: 'default', calls: true });
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new FormatError('The module cannot be loaded', {
      where: { file: path },
      next: 'The cause has its own error.',
      cause,
    });
  }
}

function openConfiguration(
  path: string,
  { samples, rank, worldSize, parity }: OpenLoaderOptions,
): OpenedLoader {
  if (samples === undefined) {
    throw new ConfigError('millrace verify', [
      { field: '--samples', message: 'is missing: how many samples the dataset has' },
    ]);
  }
  const clusters = mkdtempSync(join(tmpdir(), 'millrace-clusters-'));
  try {
    const config = inFolder(
      parseDeepSpeedConfig(readFileSync(path, 'utf8'), { worldSize, parity }),
      clusters,
    );
    const ids: Dataset<number> = { length: samples, get: (index) => index };
    const loader = deepspeedIo<number, number[]>(config, ids, {
      rank,
      worldSize,
      // DeepSpeed's engine always has one.
      localRank: 0,
      numLocalIoWorkers: 0,
      collateFn: (samplesOfBatch) => [...samplesOfBatch],
    });
    loader.numLocalIoWorkers = 0;
    const close = async (): Promise<void> => {
      await loader.close();
      rmSync(clusters, { recursive: true, force: true });
    };
    return { loader, close };
  } catch (error) {
    rmSync(clusters, { recursive: true, force: true });
    throw error;
  }
}

/** The configuration with an empty folder for its cluster files: old ones would count, and the user's stay as they are. */
function inFolder(config: DeepSpeedConfig, folder: string): DeepSpeedConfig {
  const { data_sampling } = config.dataEfficiency;
  const curriculum_learning = { ...data_sampling.curriculum_learning, data_cluster_path: folder };
  return {
    ...config,
    dataEfficiency: { ...config.dataEfficiency, data_sampling: { ...data_sampling, curriculum_learning } },
  };
}
