import { partSlice, partsWith, shareSlice } from './part-slice.js';

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

/**
 * Who sees a position of a global batch that is cut at some places only. O(parts).
 *
 * @param cutPoints - See `BatchSampler.cutPoints`.
 */
export function* sightingsInPieces(
  { epoch, step }: Pick<Sighting, 'epoch' | 'step'>,
  position: number,
  { worldSize, gradientAccumulationSteps }: BatchLayout,
  cutPoints: readonly number[],
): Generator<Sighting> {
  const length = cutPoints.at(-1)!;
  for (let microBatch = 0; microBatch < gradientAccumulationSteps; microBatch++) {
    for (let rank = 0; rank < worldSize; rank++) {
      const share = { microBatch, gradientAccumulationSteps, rank, worldSize };
      const { start, end } = shareSlice(length, share, cutPoints);
      if (position >= start && position < end)
        yield { epoch, step, microBatch, rank, slot: position - start };
    }
  }
}
