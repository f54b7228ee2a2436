import type { Collate } from '../../core/collate.js';
import type { DType } from '../../core/dtype.js';
import { WorkerTransferError } from '../../core/errors.js';
import { recipeOf } from '../../core/recipe.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import type { MixCollate } from '../../images/mix-collate.js';
import type { PackCollate } from '../../tokens/pack-collate.js';
import { createBatchMaker } from '../batch/create-batch-maker.js';
import type { PadCollate } from '../batch/pad-collate.js';
import type { BatchSettings, BatchSteps, Transform } from '../batch/sample-steps.js';
import { defaultRules, type TorchRules, treeCollate } from '../batch/tree-collate.js';
import { asDataset, factsOf } from '../order/dataset-facts.js';
import type { LoadedSource } from '../order/loader-order.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { BatchEngine } from './batch-engine.js';
import { InProcessEngine } from './in-process-engine.js';
import { type CachePlan, openCache } from './sample-cache/open-cache.js';
import type { SharedThreads } from './shared-threads.js';
import { findPageLock } from './slot-pages.js';
import type { WorkerPlan } from './worker-plan.js';
import type { CollateSpec } from './workers/protocol.js';

/** Starts the engine of a loader: this thread, or workers. @throws {@link WorkerTransferError} */
export async function createEngine(
  source: LoadedSource,
  options: ResolvedOptions,
  plan: WorkerPlan,
  threads: SharedThreads,
): Promise<BatchEngine> {
  if (plan.numWorkers === 0) return inProcess(source, options);
  try {
    return await inWorkers(source, options, plan, threads);
  } catch (error) {
    if (plan.optional && error instanceof WorkerTransferError) return inProcess(source, options, error);
    throw error;
  }
}

async function inProcess(
  source: LoadedSource,
  options: ResolvedOptions,
  reason?: Error,
): Promise<InProcessEngine> {
  const dataset = asDataset(source instanceof WorkerModule ? await source.load() : source);
  const cache = await openCache(await planCache(source, options), dataset);
  const maker = createBatchMaker(dataset, await localSteps(options), settingsOf(options), null, { cache });
  const { reuseBuffers } = options;
  return new InProcessEngine(factsOf(dataset, datasetFingerprint), maker, {
    reuseBuffers,
    lockPages: await findPageLock(options),
    reason,
  });
}

async function inWorkers(
  source: LoadedSource,
  options: ResolvedOptions,
  { numWorkers, prefetchFactor, optional }: WorkerPlan,
  threads: SharedThreads,
): Promise<BatchEngine> {
  const lockPages = await findPageLock(options);
  const cache = await planCache(source, options);
  const makeSetup = () => ({
    dataset: recipeOf(source, 'dataset'),
    transform: options.transform && recipeOf(options.transform, 'transform'),
    collate: collateSpec(options),
    settings: settingsOf(options),
    reuseBuffers: options.reuseBuffers,
    wholePages: lockPages !== undefined,
    wantsFingerprint: source instanceof WorkerModule,
    cache,
  });
  const { ThreadShare, WorkerPool } = await import('./workers/worker-pool.js');
  threads.share ??= new ThreadShare();
  // A module is not imported here: it may be the very script that is running.
  const facts = source instanceof WorkerModule ? undefined : factsOf(source, datasetFingerprint);
  const restart = options.onError === 'retry';
  // More workers than shards have nothing to read.
  const useful = facts?.kind === 'iterable' && optional ? Math.min(numWorkers, facts.numShards) : numWorkers;
  const { createWorker } = options;
  const resources = { lockPages, createWorker, threads: threads.share };
  return new WorkerPool(makeSetup, { numWorkers: useful, prefetchFactor, facts, restart, ...resources });
}

/** What the threads need to open the cache of samples, if the loader has one. */
async function planCache(source: LoadedSource, options: ResolvedOptions): Promise<CachePlan | undefined> {
  if (!options.cacheSamples) return undefined;
  const { cachePlan } = await import('./sample-cache/cache-plan.js');
  return cachePlan(source, options.transform, options.cacheSamples);
}

/** Whether the collate is a plain function: it cannot move, so workers send samples and this thread collates. */
export function collateOnMainThread({ collate }: ResolvedOptions): boolean {
  return typeof collate === 'function' && builtInSpec(collate) === undefined;
}

function settingsOf(options: ResolvedOptions): BatchSettings {
  const {
    seed,
    onError,
    batchSize = 1,
    dropLast = false,
    rank,
    worldSize,
    gradientAccumulationSteps,
    provenance,
  } = options;
  return { seed, onError, batchSize, dropLast, rank, worldSize, gradientAccumulationSteps, provenance };
}

async function localSteps({ transform, collate, numberDtype }: ResolvedOptions): Promise<BatchSteps> {
  const loadedCollate = collate instanceof WorkerModule ? await collate.load() : collate;
  return {
    transform: (transform instanceof WorkerModule ? await transform.load() : transform) as
      | Transform
      | undefined,
    collate:
      (loadedCollate as Collate<unknown, unknown> | undefined) ?? treeCollate(defaultRules(numberDtype)),
    fused: transform === undefined && collate === undefined,
  };
}

function collateSpec(options: ResolvedOptions): CollateSpec {
  const { collate, numberDtype } = options;
  if (collate === undefined) return { type: 'default', numberDtype };
  if (collate instanceof WorkerModule) return { type: 'module', recipe: recipeOf(collate, 'collate') };
  return builtInSpec(collate) ?? { type: 'none' };
}

/** The options from which a worker recreates a built-in collate. */
function builtInSpec(collate: unknown): CollateSpec | undefined {
  const { padOptions, packOptions, torchOptions, mixOptions } = collate as Partial<
    PadCollate & PackCollate & TorchRules<DType> & MixCollate
  >;
  if (packOptions) return { type: 'pack', options: packOptions };
  if (padOptions) return { type: 'pad', options: padOptions };
  if (mixOptions) return { type: 'mix', options: mixOptions };
  return torchOptions && { type: 'torch', options: torchOptions };
}
