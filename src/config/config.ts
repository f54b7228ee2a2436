import type { Collate } from '../core/collate.js';
import type { Dataset, IterableDataset, SampleContext } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import type { CurriculumMetricOptions, CurriculumSamplerOptions } from '../curriculum/index.js';
import type { MixtureOptions, WorkerDataset, WorkerFunction } from '../datasets/index.js';
import type { OpenDatasetOptions } from '../formats/index.js';
import type { DataLoaderOptions } from '../loader/index.js';
import type { PackedDatasetOptions } from '../tokens/packed-dataset.js';
import type { TokenBudgetSamplerOptions } from '../tokens/token-budget-sampler.js';
import type { TokenWindowsOptions } from '../tokens/token-windows.js';

/** Files of a format that Millrace knows. */
export interface FilesConfig extends OpenDatasetOptions {
  /** A path, relative to the configuration's folder; a URL; or a pattern: `s3://bucket/train/*.parquet`. */
  readonly files: string;
}

/** What is loaded where nothing is mixed. */
export type SourceConfig =
  | string
  | FilesConfig
  | Dataset<unknown>
  | IterableDataset<unknown>
  | WorkerDataset<unknown>
  | URL;

/** One source of a mixture. */
export interface MixtureSourceConfig {
  readonly data: string | FilesConfig | Dataset<unknown>;
  /** Its share, where there is no schedule: 0 or more; shares need not add up to 1. */
  readonly weight?: number;
}

/** Several sources mixed by weight: see `MixtureDataset`, whose `batchSize` is that of the loader. */
export interface MixtureConfig extends Omit<MixtureOptions, 'weights' | 'schedule' | 'batchSize'> {
  /** The sources by name. */
  readonly mixture: Readonly<Record<string, MixtureSourceConfig>>;
  /** Shares that change: from step `step` on, counted in global batches from 0, each source has its weight; none is 0. */
  readonly schedule?: readonly {
    readonly step: number;
    readonly weights: Readonly<Record<string, number>>;
  }[];
}

/** A metric of a curriculum. One of `index`, `difficulty` and `indexToSamplePath` sets the difficulty of each sample. */
export interface MetricConfig extends CurriculumMetricOptions {
  /** `'length'`: the tokens of each sample, where the data says them without being read. */
  readonly difficulty?: 'length';
  /** Prefix of an index that `millrace analyze` or DeepSpeed's analyzer wrote: the samples of each difficulty. */
  readonly indexToSamplePath?: string;
  /** Prefix of the difficulties themselves. Required with `difficultyType: 'value'`. */
  readonly indexToMetricPath?: string;
}

/** Curriculum learning: see `CurriculumSampler`, whose `batchSize` is that of the loader. */
export interface CurriculumSection extends Omit<CurriculumSamplerOptions, 'metrics' | 'batchSize'> {
  readonly metrics: Readonly<Record<string, MetricConfig>>;
}

/** How long training goes on. One of the two. */
export interface TrainingConfig {
  /** Passes of the loader. @defaultValue `1` */
  readonly epochs?: number;
  /** Steps of the optimizer: global batches. @defaultValue those of `epochs` */
  readonly steps?: number;
}

/** Options of a `DataLoader` over whatever the data is: say the sample in the functions. */
export type LoaderConfig = Omit<DataLoaderOptions<never, DType, unknown>, 'transform' | 'collate'> & {
  /** Changes each sample before it is collated. With workers it must be named by `workerFunction`. @defaultValue none */
  readonly transform?:
    | ((sample: never, context: SampleContext) => unknown)
    | WorkerFunction<(sample: never, context: SampleContext) => unknown>;
  /** Makes a batch from samples. @defaultValue `defaultCollate` */
  readonly collate?: Collate<never, unknown> | WorkerFunction<Collate<never, unknown>>;
};

/** What a configuration file says: the data, its order, and how it is loaded. */
export interface MillraceConfig {
  /** What is loaded: files, a mixture, a dataset, or the URL of a module that exports one. */
  readonly data: SourceConfig | MixtureConfig;
  /** Cuts tokens into windows of one length. Of a mixture, each source. Excludes `packing`. @defaultValue samples as the data has them */
  readonly windows?: TokenWindowsOptions<DType>;
  /** Packs documents of tokens into rows. Of a mixture, each source. @defaultValue samples as the data has them */
  readonly packing?: Omit<PackedDatasetOptions, 'lengths'>;
  /** Excludes `tokenBudget`, and `shuffle`, `sampler` and `batchSampler` of the loader. @defaultValue none */
  readonly curriculum?: CurriculumSection;
  /** Batches bounded by tokens: see `TokenBudgetSampler`. @defaultValue batches of `batchSize` samples */
  readonly tokenBudget?: Omit<TokenBudgetSamplerOptions, 'lengths'>;
  /** Options of the `DataLoader`; `rank` and `worldSize` are by default what the launcher says. */
  readonly loader?: LoaderConfig;
  /** How long training goes on: what `millrace plan` looks at. @defaultValue one epoch */
  readonly training?: TrainingConfig;
}

/** Which process of how many a configuration is for. */
export interface Launch {
  readonly rank: number;
  readonly worldSize: number;
}

/** A configuration, or what makes one for a process. */
export type ConfigSource = MillraceConfig | ((launch: Launch) => MillraceConfig | Promise<MillraceConfig>);

/**
 * Types a configuration; it does nothing else.
 *
 * @example
 * ```ts
 * // millrace.config.ts
 * import { defineConfig } from 'millrace/config';
 *
 * export default defineConfig({
 *   data: 'data/tokens',
 *   windows: { length: 1024 },
 *   loader: { batchSize: 64, shuffle: true, numWorkers: 2 },
 *   training: { epochs: 3 },
 * });
 * ```
 */
export function defineConfig(config: ConfigSource): ConfigSource {
  return config;
}
