import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { DeepSpeedDataLoader } from '../deepspeed/index.js';
import { DataLoader } from '../loader/index.js';
import { BatchSampler as BatchedSampler } from '../samplers/index.js';
import type { Launch, TrainingConfig } from './config.js';

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

/** What follows from the loader itself. */
export function partsOf(loader: AnyLoader, launch: Launch, variesByRank: boolean) {
  const batches = loader instanceof DataLoader ? loader.batchSampler : loader.dataSampler;
  const sampler = batches instanceof BatchedSampler ? batches.sampler : batches;
  const gradientAccumulationSteps =
    loader instanceof DataLoader ? loader.options.gradientAccumulationSteps : 1;
  return { launch, loader, sampler, gradientAccumulationSteps, variesByRank };
}
