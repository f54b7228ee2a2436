import { positionsOfIndices } from '../../config/open-deepspeed.js';
import type { AnyLoader } from '../../config/opened-config.js';
import { DataLoader } from '../../loader/index.js';
import type { PlannedBatch } from '../../loader/order/loader-position.js';

/** Rank of the batches. */
export interface Layout {
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
}

/** The samples of a batch and their positions in the order of all ranks. */
export type PlannedSamples = Pick<PlannedBatch, 'indices' | 'positions'>;

/** Returns the order of an epoch from a step on, one micro-batch at a time. Reads no sample. */
export type EpochOrder = (
  epoch: number,
  step: number,
  layout: Layout,
) => AsyncIterable<PlannedSamples> | Iterable<PlannedSamples>;

/** Chooses how to obtain a loader's order. */
export function orderOf(loader: AnyLoader): EpochOrder {
  if (!(loader instanceof DataLoader)) return (epoch, step, layout) => iterated(loader, epoch, step, layout);
  const { batchSampler } = loader;
  if (batchSampler?.stateDict) return (epoch, step, layout) => drawn(loader, epoch, step, layout);
  if (batchSampler && !batchSampler.seek) {
    return (epoch, step, layout) =>
      dropped(loader.order({ epoch, step: 0 }, layout), step * layout.gradientAccumulationSteps);
  }
  return (epoch, step, layout) => loader.order({ epoch, step }, layout);
}

/** A drawn order requires drawing everything before the position. */
function* drawn(
  loader: DataLoader<unknown, never, unknown, unknown, boolean>,
  epoch: number,
  step: number,
  layout: Layout,
): Generator<PlannedBatch> {
  const start = loader.stateDict();
  try {
    for (let before = 0; before < epoch; before++)
      for (const _ of loader.order({ epoch: before, step: 0 }, layout));
    yield* dropped(loader.order({ epoch, step: 0 }, layout), step * layout.gradientAccumulationSteps);
  } finally {
    loader.loadStateDict(start);
  }
}

function* dropped<T>(batches: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const batch of batches) {
    if (left > 0) left -= 1;
    else yield batch;
  }
}

/** DeepSpeed's loader is iterated without data: its batches are indices. */
async function* iterated(
  loader: Exclude<AnyLoader, DataLoader<never, never, never, never, never>>,
  epoch: number,
  step: number,
  { gradientAccumulationSteps }: Layout,
): AsyncGenerator<PlannedSamples> {
  if (epoch > 0) (loader as { setEpoch(epoch: number): void }).setEpoch(epoch);
  let left = step * gradientAccumulationSteps;
  for await (const indices of loader as AsyncIterable<number[]>) {
    if (left > 0) left -= 1;
    else yield { indices: Float64Array.from(indices), positions: positionsOfIndices(indices) };
  }
}
