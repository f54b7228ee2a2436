import type { Dataset, IterableDataset } from '../core/dataset.js';
import { WorkerTransferError } from '../core/errors.js';
import { recipeOf } from '../core/recipe.js';
import { type WorkerDataset, WorkerModule } from '../datasets/index.js';
import type { BatchEngine } from './batch-engine.js';
import { createBatchMaker } from './batch-maker.js';
import { type Collate, defaultCollate } from './collate.js';
import type { ResolvedOptions } from './data-loader-options.js';
import { InProcessEngine } from './in-process-engine.js';
import type { PadCollate } from './pad-collate.js';
import type { BatchSettings, BatchSteps, Transform } from './sample-steps.js';
import type { CollateSpec } from './workers/protocol.js';

/** Starts what makes the batches: this thread, or workers. @throws {@link WorkerTransferError} */
export async function createEngine(
  dataset: Dataset<unknown> | IterableDataset<unknown>,
  module: WorkerDataset<unknown> | undefined,
  options: ResolvedOptions,
): Promise<BatchEngine> {
  const { numWorkers, prefetchFactor, reuseBuffers } = options;
  const settings = settingsOf(options);
  if (numWorkers === 0) {
    return new InProcessEngine(createBatchMaker(dataset, await localSteps(options), settings, null), reuseBuffers);
  }
  const setup = {
    dataset: recipeOf(module ?? dataset, 'dataset'),
    transform: options.transform && recipeOf(options.transform, 'transform'),
    collate: collateSpec(options),
    settings,
    reuseBuffers,
    expectedLength: dataset.length,
  };
  const numShards = 'numShards' in dataset ? (dataset.numShards ?? 1) : 1;
  const { WorkerPool } = await loadWorkerPool();
  return new WorkerPool(setup, { numWorkers, prefetchFactor, workersOwnShards: numShards > 1 });
}

/** Whether the collate is a plain function: it cannot move, so workers send samples and this thread collates. */
export function collateOnMainThread({ collate }: ResolvedOptions): boolean {
  return typeof collate === 'function' && padOptions(collate) === undefined;
}

function settingsOf(options: ResolvedOptions): BatchSettings {
  const { seed, onError, batchSize = 1, dropLast = false, rank, worldSize } = options;
  return { seed, onError, batchSize, dropLast, rank, worldSize };
}

async function localSteps({ transform, collate, numberDtype }: ResolvedOptions): Promise<BatchSteps> {
  const loadedCollate = collate instanceof WorkerModule ? await collate.load() : collate;
  return {
    transform: (transform instanceof WorkerModule ? await transform.load() : transform) as Transform | undefined,
    collate: (loadedCollate as Collate<unknown, unknown> | undefined) ?? ((samples, { allocate }) => defaultCollate(samples, { numberDtype, allocate })),
    fused: transform === undefined && collate === undefined,
  };
}

function collateSpec(options: ResolvedOptions): CollateSpec {
  const { collate, numberDtype } = options;
  if (collate === undefined) return { type: 'default', numberDtype };
  if (collate instanceof WorkerModule) return { type: 'module', recipe: recipeOf(collate, 'collate') };
  const pad = padOptions(collate);
  return pad ? { type: 'pad', options: pad } : { type: 'none' };
}

function padOptions(collate: unknown): PadCollate['options'] | undefined {
  return (collate as Partial<PadCollate>).options;
}

async function loadWorkerPool(): Promise<typeof import('./workers/worker-pool.js')> {
  if (typeof process === 'undefined' || !process.versions?.node) {
    throw new WorkerTransferError('Workers need Node.js in this version', { next: 'Use numWorkers: 0 in a browser.' });
  }
  return import('./workers/worker-pool.js');
}
