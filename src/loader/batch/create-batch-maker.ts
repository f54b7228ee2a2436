import { type Dataset, type IterableDataset, isMapDataset } from '../../core/dataset.js';
import type { BatchTask, IndexTask, StreamTask } from '../order/batch-task.js';
import type { BatchMaker } from './batch-result.js';
import { makeAt } from './collate-failure.js';
import { MapBatchMaker } from './map-batch-maker.js';
import type { SampleCache } from './sample-cache.js';
import { type BatchSettings, type BatchSteps, SampleSteps } from './sample-steps.js';
import { StreamBatchMaker } from './stream-batch-maker.js';

/** What a maker may have besides its settings. */
export interface BatchMakerExtras {
  /** Its second element receives the position, within the batch, of the sample that is being made. */
  readonly progress?: Int32Array | undefined;
  /** Keeps samples that were made. */
  readonly cache?: SampleCache | undefined;
}

/** Creates the maker for the kind of dataset. */
export function createBatchMaker(
  dataset: Dataset<unknown> | IterableDataset<unknown>,
  steps: BatchSteps,
  settings: BatchSettings,
  worker: number | null,
  { progress, cache }: BatchMakerExtras = {},
): BatchMaker {
  const samples = new SampleSteps(dataset, steps, settings, worker, cache);
  if (!isMapDataset(dataset)) {
    return located<StreamTask>(new StreamBatchMaker(dataset, samples));
  }
  return located<IndexTask>(new MapBatchMaker(dataset, samples, progress));
}

/** Adds the batch to each error. A maker receives only tasks of its kind. */
function located<Task extends BatchTask>(maker: BatchMaker<Task>): BatchMaker {
  return { make: (task, memory) => makeAt(task as Task, maker, memory) };
}
