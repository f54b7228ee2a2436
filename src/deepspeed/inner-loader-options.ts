import type { Collate, CollateContext } from '../core/collate.js';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import type { DataLoaderOptions } from '../loader/index.js';
import type { DeepSpeedDataLoaderOptions, LoaderPlan, PassedOnOptions } from './data-loader-options.js';
import { WithoutEpochs } from './data-loader-order.js';
import { torchCollate } from './torch-collate.js';
import { TorchRandomOrder } from './torch-random-order.js';
import type { GatheredSamples } from './variable-delivery.js';
import { workersForMovable } from './worker-fallback.js';

/** Facts about a loader, besides its plan. */
export interface InnerLoaderFacts<T> {
  readonly dataset: Dataset<T> | IterableDataset<T>;
  readonly numWorkers: number;
  /** Whether someone chose the number of workers. */
  readonly workersWereChosen: boolean;
  /** Gives whole batches. */
  readonly batches: BatchSampler | undefined;
  /** Gives indices, if `batches` is absent; none for a stream. */
  readonly sampler: Sampler | undefined;
}

/** Options of the `DataLoader` under a `DeepSpeedDataLoader`. */
export function innerLoaderOptions<T, S, B>(
  plan: LoaderPlan,
  { dataset, numWorkers: workers, workersWereChosen, batches, sampler }: InnerLoaderFacts<T>,
): DataLoaderOptions<T, 'float32', S, B> {
  const { batchSize, worldSize, rank, pinMemory, dataloaderDropLast: dropLast, parity } = plan;
  const given = plan.collateFn as DeepSpeedDataLoaderOptions<T, S, B>['collateFn'];
  const own = parity ? (torchCollate() as Collate<S, B>) : undefined;
  // Batches of variable size are padded and collated when they are delivered.
  const collate = plan.order === 'variable' ? gatherSamples<S, B> : (given ?? own);
  const numWorkers = workersWereChosen ? workers : workersForMovable(dataset, workers);
  const { prefetchFactor, persistentWorkers, ...passedOn } = plan.loaderOptions as PassedOnOptions<T, S>;
  const ofWorkers = numWorkers > 0 && {
    ...(prefetchFactor !== undefined && { prefetchFactor }),
    ...(persistentWorkers !== undefined && { persistentWorkers }),
  };
  const common = { ...passedOn, ...ofWorkers, numWorkers, pinMemory, ...(collate && { collate }) };
  if (batches) return { ...common, batchSampler: batches };
  if (sampler) return { ...common, sampler, batchSize, dropLast };
  return { ...common, batchSize: batchSize * worldSize, worldSize, rank, dropLast };
}

/** The sampler of a loader as its passes see it: with `parity`, only PyTorch's random order changes from epoch to epoch. */
export function samplerOfPasses(plan: LoaderPlan, sampler: Sampler): Sampler {
  return plan.parity && !(sampler instanceof TorchRandomOrder) ? new WithoutEpochs(sampler) : sampler;
}

function gatherSamples<S, B>(samples: readonly S[], context: CollateContext): B {
  return { samples, context } satisfies GatheredSamples<S> as B;
}
