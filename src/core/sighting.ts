import { partSlice, partsWith, type Slice } from './part-slice.js';

/** One time that a sample is seen. All numbers count from 0. */
export interface Sighting {
  readonly epoch: number;
  /** The global batch of the epoch. */
  readonly step: number;
  /** Which part of the global batch, where gradients are accumulated over several; else 0. */
  readonly microBatch: number;
  readonly rank: number;
  /** Place in what the rank gets of the micro-batch. */
  readonly slot: number;
}

/** How the samples of a sampler reach the processes that train; see `DataLoader`, which fills it in by itself. */
export interface WhenSeenOptions {
  /** First epoch to look at. @defaultValue `0` */
  readonly epoch?: number;
  /** How many epochs to look at. @defaultValue `1` */
  readonly epochs?: number;
  /** Samples a global batch. @defaultValue that of the sampler, or `1` */
  readonly batchSize?: number;
  /** Whether a last batch that is not full is left out. @defaultValue `false` */
  readonly dropLast?: boolean;
  /** Processes that share each global batch. @defaultValue `1` */
  readonly worldSize?: number;
  /** Micro-batches of a global batch. @defaultValue `1` */
  readonly gradientAccumulationSteps?: number;
}

/** How a global batch is shared out. */
export interface BatchLayout {
  /** Processes that share it. */
  readonly worldSize: number;
  /** Micro-batches of each. */
  readonly gradientAccumulationSteps: number;
}

/**
 * Who sees a position of a global batch: one rank in one micro-batch, or more where a short batch is repeated.
 *
 * @param length - Samples of the global batch.
 */
export function* sightingsIn(
  { epoch, step }: Pick<Sighting, 'epoch' | 'step'>,
  position: number,
  length: number,
  { worldSize, gradientAccumulationSteps }: BatchLayout,
): Generator<Sighting> {
  for (const microBatch of partsWith(position, length, gradientAccumulationSteps)) {
    const micro = partSlice(length, microBatch, gradientAccumulationSteps);
    const place = position - micro.start;
    for (const rank of partsWith(place, micro.end - micro.start, worldSize)) {
      const { start } = partSlice(micro.end - micro.start, rank, worldSize);
      yield { epoch, step, microBatch, rank, slot: place - start };
    }
  }
}

/** Cuts a batch into parts; see `partSlice` of a `BatchSampler`. */
export type CutBatch = (batch: readonly number[], part: number, parts: number) => Slice;

/** Who sees a position of a global batch that is not cut by the number of samples. O(parts). */
export function* sightingsInCuts(
  { epoch, step }: Pick<Sighting, 'epoch' | 'step'>,
  position: number,
  batch: readonly number[],
  { worldSize, gradientAccumulationSteps }: BatchLayout,
  cut: CutBatch,
): Generator<Sighting> {
  const parts = gradientAccumulationSteps * worldSize;
  for (let part = 0; part < parts; part++) {
    const own = cut(batch, part, parts);
    if (position < own.start || position >= own.end) continue;
    const microBatch = Math.floor(part / worldSize);
    yield { epoch, step, microBatch, rank: part % worldSize, slot: position - own.start };
  }
}
