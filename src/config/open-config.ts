import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import { ConfigError, StorageError } from '../core/errors.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import { WorkerModule } from '../datasets/index.js';
import { parseConfigText } from '../deepspeed/config-text.js';
import { DeepSpeedDataLoader } from '../deepspeed/index.js';
import { detectRank } from '../distributed/index.js';
import { DataLoader, type DataLoaderOptions } from '../loader/index.js';
import { BatchSampler as BatchedSampler } from '../samplers/index.js';
import type { Launch, TrainingConfig } from './config.js';
import { parseConfig } from './config-schema.js';
import { describeSection } from './describe-section.js';
import { importDefault } from './import-default.js';
import { openData } from './open-data.js';
import { openDeepSpeed } from './open-deepspeed.js';
import { openOrder } from './open-order.js';

/** What a configuration may lack. */
export interface OpenConfigOptions extends Partial<Launch> {
  /** A DeepSpeed configuration says nothing of the data: a path, URL or pattern. */
  readonly data?: string | undefined;
  /** Instead of `data`: so many samples that are their own indices. */
  readonly samples?: number | undefined;
  /** Of a DeepSpeed configuration: with the original's defects. @defaultValue `false` */
  readonly parity?: boolean | undefined;
}

/** Any loader of Millrace. */
export type AnyLoader = DataLoader<unknown, DType, unknown, boolean> | DeepSpeedDataLoader<unknown, unknown>;

/** A configuration that was opened: the loader, and what it is made of. */
export interface OpenedConfig {
  /** What the file is: a declared configuration, a module that gives a loader, or a DeepSpeed configuration. */
  readonly kind: 'millrace' | 'loader' | 'deepspeed';
  /** The process it was opened for. */
  readonly launch: Launch;
  readonly loader: AnyLoader;
  readonly dataset: Dataset<unknown> | IterableDataset<unknown>;
  /** The order: the sampler inside a `BatchSampler`, where there is one; none of a stream. */
  readonly sampler: Sampler | BatchSampler | undefined;
  /** Micro-batches of a global batch. */
  readonly gradientAccumulationSteps: number;
  readonly training: TrainingConfig;
  /** Names of the sources of a declared mixture. */
  readonly sourceNames: readonly string[];
  /** Paths and URLs that data was opened from, where the configuration names them. */
  readonly files: readonly string[];
  /** What a cache of data from URLs may take on the disk. */
  readonly cacheBytes: number;
  /** What the file says, in order, for people. */
  readonly description: readonly { readonly name: string; readonly value: string }[];
  /** Whether the file gives each process a loader of its own: it is a function, or a DeepSpeed configuration. */
  readonly variesByRank: boolean;
  /** Ends the loader and closes the data. */
  close(): Promise<void>;
}

/**
 * Opens a configuration file. It is a module (`.ts`, `.js`, `.mjs`) whose default export is a declared configuration, a loader, or a
 * function of `{ rank, worldSize }` that gives one of these; or JSON: a declared configuration, or one of DeepSpeed.
 *
 * ```ts
 * const { loader } = await openConfig('millrace.config.ts');
 * for await (const batch of loader) train(batch);
 * ```
 *
 * @throws {@link StorageError} when there is no such file, {@link FormatError} when the module cannot be loaded,
 *   {@link ConfigError} naming every field at fault, and what opening the data throws.
 */
export async function openConfig(path: string, options: OpenConfigOptions = {}): Promise<OpenedConfig> {
  if (!existsSync(path)) {
    throw new StorageError('There is no such file', {
      where: { file: path },
      next: 'Name a configuration: millrace.config.ts, a module that exports a loader, or DeepSpeed JSON. `millrace init` writes one.',
    });
  }
  const detected = detectRank();
  const launch = { rank: options.rank ?? detected.rank, worldSize: options.worldSize ?? detected.worldSize };
  if (!/\.[cm]?[jt]s$/.test(path)) return openText(path, launch, options);
  const { value, variesByRank } = await importDefault(path, launch);
  if (value instanceof DataLoader || value instanceof DeepSpeedDataLoader)
    return openLoader(value as AnyLoader, launch, variesByRank);
  if (typeof value !== 'object' || value === null || !('data' in value)) {
    throw new ConfigError('Millrace configuration', [
      {
        field: path,
        message: 'exports neither a configuration (defineConfig({ data, … })) nor a loader by default',
      },
    ]);
  }
  return openDeclared(path, value, launch, variesByRank);
}

async function openText(path: string, launch: Launch, options: OpenConfigOptions): Promise<OpenedConfig> {
  const json = parseConfigText(readFileSync(path, 'utf8')) as object;
  const isDeclared = 'data' in json || basename(path) === 'millrace.config.json';
  return isDeclared ? openDeclared(path, json, launch, false) : openDeepSpeed(json, launch, options);
}

async function openDeclared(
  path: string,
  value: object,
  launch: Launch,
  variesByRank: boolean,
): Promise<OpenedConfig> {
  const folder = dirname(resolve(path));
  const config = parseConfig('Millrace configuration', value);
  const { batchSize = 1 } = config.loader;
  const data = await openData(config.data, { ...config, folder, batchSize });
  try {
    const order = openOrder(config, data.dataset, { folder, launch });
    const options = { ...launch, ...config.loader, ...order } as DataLoaderOptions<unknown, DType, unknown>;
    const loader = new DataLoader<unknown, DType, unknown, boolean>(data.source, options);
    await loader.ready();
    return {
      ...partsOf(loader, launch, variesByRank),
      kind: 'millrace',
      dataset: data.dataset,
      training: config.training,
      sourceNames: data.sourceNames,
      files: data.files,
      cacheBytes: data.cacheBytes,
      description: Object.entries(config).map(([name, section]) => ({
        name,
        value: describeSection(section),
      })),
      close: async () => {
        await loader.close();
        await data.dataset.close?.();
      },
    };
  } catch (error) {
    await data.dataset.close?.();
    throw error;
  }
}

async function openLoader(loader: AnyLoader, launch: Launch, variesByRank: boolean): Promise<OpenedConfig> {
  const source = loader.dataset;
  if (loader instanceof DataLoader) await loader.ready();
  const dataset = source instanceof WorkerModule ? await source.load() : source;
  return {
    ...partsOf(loader, launch, variesByRank),
    kind: 'loader',
    dataset,
    training: {},
    sourceNames: [],
    files: [],
    cacheBytes: 0,
    description: [],
    close: () => loader.close(),
  };
}

function partsOf(loader: AnyLoader, launch: Launch, variesByRank: boolean) {
  const batches = loader instanceof DataLoader ? loader.batchSampler : loader.dataSampler;
  const sampler = batches instanceof BatchedSampler ? batches.sampler : batches;
  const gradientAccumulationSteps =
    loader instanceof DataLoader ? loader.options.gradientAccumulationSteps : 1;
  return { launch, loader, sampler, gradientAccumulationSteps, variesByRank };
}
