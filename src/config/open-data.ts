import { resolve } from 'node:path';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import { isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import { MixtureDataset } from '../datasets/index.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { openDataset } from '../formats/index.js';
import { cacheLimit } from '../storage/shard-cache.js';
import { isRemote, schemeOf } from '../storage/url-scheme.js';
import type { TokenDocuments } from '../tokens/document.js';
import { PackedDataset } from '../tokens/packed-dataset.js';
import type { TokenSource } from '../tokens/token-source.js';
import { TokenWindows } from '../tokens/token-windows.js';
import type { MillraceConfig, MixtureConfig, SourceConfig } from './config.js';

/** The opened data of a configuration. */
export interface OpenedData {
  /** What the loader receives; a module is imported by the workers, not here. */
  readonly source:
    | Dataset<unknown>
    | IterableDataset<unknown>
    | WorkerModule<Dataset<unknown> | IterableDataset<unknown>>;
  /** The dataset itself. */
  readonly dataset: Dataset<unknown> | IterableDataset<unknown>;
  /** Names of the sources of a mixture. */
  readonly sourceNames: readonly string[];
  /** Absolute paths and URLs that the data was opened from. */
  readonly files: readonly string[];
  /** Disk space that the cache of remote data may use, in bytes. */
  readonly cacheBytes: number;
}

/** How data is cut into samples, and the folder that relative paths start from. */
export interface OpenDataOptions extends Pick<MillraceConfig, 'windows' | 'packing'> {
  readonly folder: string;
  /** Samples per global batch; a mixture's schedule counts global batches. */
  readonly batchSize: number;
}

/**
 * Opens the data of a configuration. @throws {@link ConfigError} naming the field, and whatever opening the data
 * throws.
 */
export async function openData(data: MillraceConfig['data'], options: OpenDataOptions): Promise<OpenedData> {
  if (isMixture(data)) return openMixture(data, options);
  if (data instanceof URL || data instanceof WorkerModule) {
    const source = data instanceof URL ? new WorkerModule<Dataset<unknown>>(data, {}, true) : data;
    const loaded = await source.load();
    const cut = cutSamples(loaded, options, 'data');
    return {
      source: cut === loaded ? source : cut,
      dataset: cut,
      sourceNames: [],
      files: [],
      cacheBytes: 0,
    };
  }
  const { dataset, ...from } = await openSource(data, options, 'data');
  return { source: dataset, dataset, sourceNames: [], ...from };
}

function isMixture(data: MillraceConfig['data']): data is MixtureConfig {
  return typeof data === 'object' && 'mixture' in data && !isMapDataset(data);
}

async function openMixture(
  { mixture, schedule, ...rest }: MixtureConfig,
  options: OpenDataOptions,
): Promise<OpenedData> {
  const names = Object.keys(mixture);
  const sources = Object.values(mixture);
  const opened = [];
  for (const [name, { data }] of Object.entries(mixture))
    opened.push(await openSource(data, options, `data.mixture.${name}.data`));
  const weights = sources.map(({ weight }) => weight ?? (schedule ? 0 : 1));
  const stages = schedule?.map((stage) => ({
    step: stage.step,
    weights: names.map((name) => ownValue(stage.weights, name) ?? 0),
  }));
  const dataset = new MixtureDataset(
    opened.map(({ dataset: source }) => source as Dataset<unknown>),
    { ...rest, batchSize: options.batchSize, ...(stages ? { schedule: stages } : { weights }) },
  );
  return {
    source: dataset,
    dataset,
    sourceNames: names,
    files: opened.flatMap(({ files }) => files),
    // The sources share one cache folder.
    cacheBytes: Math.max(0, ...opened.map(({ cacheBytes }) => cacheBytes)),
  };
}

type OpenedSource = Pick<OpenedData, 'dataset' | 'files' | 'cacheBytes'>;

async function openSource(
  data: SourceConfig,
  options: OpenDataOptions,
  field: string,
): Promise<OpenedSource> {
  if (typeof data !== 'string' && !('files' in data))
    return { dataset: cutSamples(data as Dataset<unknown>, options, field), files: [], cacheBytes: 0 };
  const { files, ...formatOptions } = typeof data === 'string' ? { files: data } : data;
  const name = schemeOf(files) === undefined ? resolve(options.folder, files) : files;
  const { dataset } = await openDataset(name, formatOptions);
  return {
    dataset: cutSamples(dataset, options, field),
    files: [name],
    cacheBytes: isRemote(name) ? cacheLimit(formatOptions.cache ?? false) : 0,
  };
}

function cutSamples(
  dataset: Dataset<unknown> | IterableDataset<unknown>,
  { windows, packing }: OpenDataOptions,
  field: string,
): Dataset<unknown> | IterableDataset<unknown> {
  if (windows) return new TokenWindows(asTokens(dataset, 'windows', field), windows);
  if (packing) return new PackedDataset(asTokens(dataset, 'packing', field), packing);
  return dataset;
}

/** Checks for a token dataset whose documents have known lengths. */
function asTokens(dataset: unknown, section: string, field: string): TokenSource & TokenDocuments {
  const { readTokens, sizes } = dataset as Partial<TokenSource & TokenDocuments>;
  if (typeof readTokens === 'function' && sizes) return dataset as TokenSource & TokenDocuments;
  const { name } = (dataset as object).constructor;
  throw new ConfigError('Millrace configuration', [
    {
      field: section,
      message: `needs tokens, but ${field} is a ${name}: convert text to tokens with millrace convert`,
    },
  ]);
}
