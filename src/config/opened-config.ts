import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { DeepSpeedDataLoader } from '../deepspeed/index.js';
import { DataLoader } from '../loader/index.js';
import { BatchSampler as BatchedSampler } from '../samplers/index.js';
import type { Launch, TrainingConfig } from './config.js';
import type { SequenceLengths } from './sequence-lengths.js';

/** What the caller adds to a configuration. */
export interface OpenConfigOptions extends Partial<Launch> {
  /** The export of a module to open. @defaultValue `'default'` */
  readonly export?: string | undefined;
  /** Path, URL or pattern of the data, which a DeepSpeed configuration does not contain. */
  readonly data?: string | undefined;
  /** Instead of `data`: a number of placeholder samples, each equal to its index. */
  readonly samples?: number | undefined;
  /** For a DeepSpeed configuration: values for keys that say `"auto"`, by JSON path. @defaultValue none */
  readonly auto?: Readonly<Record<string, unknown>> | undefined;
  /** For a DeepSpeed configuration: reproduce the original's defects. @defaultValue `false` */
  readonly parity?: boolean | undefined;
}

/** Any loader of Millrace. */
export type AnyLoader =
  | DataLoader<unknown, DType, unknown, unknown, boolean>
  | DeepSpeedDataLoader<unknown, unknown, unknown>;

/** An opened configuration: the loader and its parts. */
export interface OpenedConfig {
  /** Kind of file: a declared configuration, a module that exports a loader, or a DeepSpeed configuration. */
  readonly kind: 'millrace' | 'loader' | 'deepspeed';
  /** The process it was opened for. */
  readonly launch: Launch;
  readonly loader: AnyLoader;
  readonly dataset: Dataset<unknown> | IterableDataset<unknown>;
  /** The order: the sampler inside a `BatchSampler`, if any; `undefined` for a stream. */
  readonly sampler: Sampler | BatchSampler | undefined;
  /** Micro-batches per global batch. */
  readonly gradientAccumulationSteps: number;
  readonly training: TrainingConfig;
  /** Present if the length of sequences rises over the run. */
  readonly lengths: SequenceLengths | undefined;
  /** Names of the sources of a declared mixture. */
  readonly sourceNames: readonly string[];
  /** Paths and URLs of the data, as far as the configuration names them. */
  readonly files: readonly string[];
  /** Disk space that the cache of remote data may use, in bytes. */
  readonly cacheBytes: number;
  /** The sections of the file, in order, for display. */
  readonly description: readonly { readonly name: string; readonly value: string }[];
  /** Whether each process gets a different loader: true for a function and for a DeepSpeed configuration. */
  readonly variesByRank: boolean;
  /** Stops the loader and closes the data. */
  close(): Promise<void>;
}

/** The parts that can be derived from the loader itself. */
export function partsOf(loader: AnyLoader, launch: Launch, variesByRank: boolean) {
  const batches = loader instanceof DataLoader ? loader.batchSampler : loader.dataSampler;
  const sampler = batches instanceof BatchedSampler ? batches.sampler : batches;
  const gradientAccumulationSteps =
    loader instanceof DataLoader ? loader.options.gradientAccumulationSteps : 1;
  return { launch, loader, sampler, gradientAccumulationSteps, variesByRank };
}
