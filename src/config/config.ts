import type { Collate } from '../core/collate.js';
import type { Dataset, IterableDataset, SampleContext } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import type { BatchSizeRampOptions } from '../curriculum/batch-size-ramp.js';
import type { CurriculumSamplerOptions } from '../curriculum/curriculum-sampler.js';
import type { CurriculumMetricOptions } from '../curriculum/index.js';
import type { WorkerDataset, WorkerFunction } from '../datasets/index.js';
import type { MixtureOptions } from '../datasets/mixture-options.js';
import type { OpenDatasetOptions } from '../formats/open-dataset.js';
import type { Amendment } from '../loader/amend/amendment.js';
import type { DataLoaderOptions } from '../loader/index.js';
import type { LengthWarmupOptions } from '../tokens/length-warmup.js';
import type { PackedDatasetOptions } from '../tokens/packed-options.js';
import type { TokenBudgetSamplerOptions } from '../tokens/token-budget-sampler.js';
import type { TokenWindowsOptions } from '../tokens/token-windows.js';

/** Files in a format that Millrace reads. */
export interface FilesConfig extends OpenDatasetOptions {
  /** A path, relative to the configuration's folder; a URL; or a pattern: `s3://bucket/train/*.parquet`. */
  readonly files: string;
}

/** The data of a configuration without a mixture. */
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
  /** The source's share, if there is no schedule: 0 or more. Shares need not add up to 1. */
  readonly weight?: number;
}

/** Several sources mixed by weight: see `MixtureDataset`. Its `batchSize` is the loader's. */
export interface MixtureConfig extends Omit<MixtureOptions, 'weights' | 'schedule' | 'batchSize'> {
  /** The sources by name. */
  readonly mixture: Readonly<Record<string, MixtureSourceConfig>>;
  /**
   * Weights that change: each entry sets the weights from global step `step` on; a source it omits has the weight 0.
   */
  readonly schedule?: readonly {
    readonly step: number;
    readonly weights: Readonly<Record<string, number>>;
  }[];
}

/** A metric of a curriculum. One of `index`, `difficulty` and `indexToSamplePath` sets the difficulty of each sample. */
export interface MetricConfig extends CurriculumMetricOptions {
  /** `'length'`: the token count of each sample, if the data has it without being read. */
  readonly difficulty?: 'length';
  /** Prefix of an index that `millrace analyze` or DeepSpeed's analyzer wrote: the samples of each difficulty. */
  readonly indexToSamplePath?: string;
  /** Prefix of the file with the difficulty of each sample. Required with `difficultyType: 'value'`. */
  readonly indexToMetricPath?: string;
}

/** Curriculum learning: see `CurriculumSampler`. Its `batchSize` is the loader's. */
export interface CurriculumSection extends Omit<CurriculumSamplerOptions, 'metrics' | 'batchSize'> {
  readonly metrics: Readonly<Record<string, MetricConfig>>;
}

/** How long training lasts: set `epochs` or `steps`, not both. */
export interface TrainingConfig {
  /** Epochs. @defaultValue `1` */
  readonly epochs?: number;
  /** Optimizer steps, i.e. global batches. @defaultValue the steps of `epochs` */
  readonly steps?: number;
}

/** `DataLoader` options without a sample type: annotate the sample in the functions. */
export type LoaderConfig = Omit<DataLoaderOptions<never, DType, never, unknown>, 'transform' | 'collate'> & {
  /** Transforms each sample before it is collated. With workers, name it with `workerFunction`. @defaultValue none */
  readonly transform?:
    | ((sample: never, context: SampleContext) => unknown)
    | WorkerFunction<(sample: never, context: SampleContext) => unknown>;
  /** Makes a batch from samples. @defaultValue `defaultCollate` */
  readonly collate?: Collate<never, unknown> | WorkerFunction<Collate<never, unknown>>;
};

/** The content of a configuration file: the data, its order, and how to load it. */
export interface MillraceConfig {
  /** What to load: files, a mixture, a dataset, or the URL of a module that exports one. */
  readonly data: SourceConfig | MixtureConfig;
  /**
   * Cuts tokens into windows of one length; in a mixture, each source separately. Excludes `packing`. @defaultValue
   * samples as stored
   */
  readonly windows?: TokenWindowsOptions<DType>;
  /** Packs documents of tokens into rows; in a mixture, each source separately. @defaultValue samples as stored */
  readonly packing?: Omit<PackedDatasetOptions, 'lengths'>;
  /** Makes sequences short at first: see `LengthWarmup`. @defaultValue whole sequences */
  readonly lengthWarmup?: LengthWarmupOptions;
  /** Excludes `tokenBudget`, and the loader's `shuffle`, `sampler` and `batchSampler`. @defaultValue none */
  readonly curriculum?: CurriculumSection;
  /** Limits batches by tokens: see `TokenBudgetSampler`. @defaultValue batches of `batchSize` samples */
  readonly tokenBudget?: Omit<TokenBudgetSamplerOptions, 'lengths'>;
  /**
   * Changes the global batch size over global steps: see `BatchSizeRamp`. Excludes `curriculum`, `tokenBudget`, and the loader's
   * `batchSize`, `sampler` and `batchSampler`. @defaultValue the loader's `batchSize`
   */
  readonly batchSizes?: BatchSizeRampOptions['schedule'];
  /**
   * Changes of the run, each from a global step on: see `DataLoader.amend`. Weights of a declared mixture are given by name; a source that
   * is omitted then has the weight 0. @defaultValue none
   */
  readonly phases?: readonly (Omit<Amendment, 'weights'> & {
    readonly at: number;
    readonly weights?: Amendment['weights'] | Readonly<Record<string, number>>;
  })[];
  /** Options of the `DataLoader`. `rank` and `worldSize` default to the launcher's. */
  readonly loader?: LoaderConfig;
  /** How long training lasts; `millrace plan` simulates this long. @defaultValue one epoch */
  readonly training?: TrainingConfig;
}

/** The process that a configuration is opened for. */
export interface Launch {
  readonly rank: number;
  readonly worldSize: number;
}

/** A configuration, or a function that returns one for a process. */
export type ConfigSource = MillraceConfig | ((launch: Launch) => MillraceConfig | Promise<MillraceConfig>);

/**
 * Returns its argument; it exists for type checking and completion.
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
