import type { AnyLoader } from '../../config/index.js';
import { positionsOfIndices } from '../../config/open-deepspeed.js';
import { DataLoader, type PlannedBatch } from '../../loader/index.js';

/** Whose part of the batches is meant. */
export interface Layout {
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
}

/** The samples of a batch and their positions in the order of all ranks. */
export type PlannedSamples = Pick<PlannedBatch, 'indices' | 'positions'>;

/** What gives the order of an epoch, micro-batch by micro-batch, from a global batch on. Reads no sample. */
export type EpochOrder = (
  epoch: number,
  batch: number,
  layout: Layout,
) => AsyncIterable<PlannedSamples> | Iterable<PlannedSamples>;

/** How the order of a loader is had. */
export function orderOf(loader: AnyLoader): EpochOrder {
  if (!(loader instanceof DataLoader))
    return (epoch, batch, layout) => iterated(loader, epoch, batch, layout);
  const { batchSampler } = loader;
  if (batchSampler?.stateDict) return (epoch, batch, layout) => drawn(loader, epoch, batch, layout);
  if (batchSampler && !batchSampler.seek) {
    return (epoch, batch, layout) =>
      dropped(loader.order({ epoch, batch: 0 }, layout), batch * layout.gradientAccumulationSteps);
  }
  return (epoch, batch, layout) => loader.order({ epoch, batch }, layout);
}

/** An order that a generator draws is known by drawing all that came before. */
function* drawn(
  loader: DataLoader<unknown, never, unknown, boolean>,
  epoch: number,
  batch: number,
  layout: Layout,
): Generator<PlannedBatch> {
  const start = loader.stateDict();
  try {
    for (let before = 0; before < epoch; before++)
      for (const _ of loader.order({ epoch: before, batch: 0 }, layout));
    yield* dropped(loader.order({ epoch, batch: 0 }, layout), batch * layout.gradientAccumulationSteps);
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
  loader: Exclude<AnyLoader, DataLoader<never, never, never, never>>,
  epoch: number,
  batch: number,
  { gradientAccumulationSteps }: Layout,
): AsyncGenerator<PlannedSamples> {
  if (epoch > 0) (loader as { setEpoch(epoch: number): void }).setEpoch(epoch);
  let left = batch * gradientAccumulationSteps;
  for await (const indices of loader as AsyncIterable<number[]>) {
    if (left > 0) left -= 1;
    else yield { indices: Float64Array.from(indices), positions: positionsOfIndices(indices) };
  }
}
