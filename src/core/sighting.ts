import { partSlice, partsWith, shareSlice } from './part-slice.js';

/** One occurrence of a sample in training. All numbers count from 0. */
export interface Sighting {
  readonly epoch: number;
  /** The number of the global batch in the epoch. */
  readonly step: number;
  /** The micro-batch of the global batch; 0 without gradient accumulation. */
  readonly microBatch: number;
  readonly rank: number;
  /** The position in the rank's batch. */
  readonly slot: number;
}

/** How the samples of a sampler are divided among ranks. `DataLoader.whenSeen` fills these options in. */
export interface WhenSeenOptions {
  /** The first epoch to search. @defaultValue `0` */
  readonly epoch?: number;
  /** Number of epochs to search. @defaultValue `1` */
  readonly epochs?: number;
  /** Samples per global batch. @defaultValue the sampler's batch size, or `1` */
  readonly batchSize?: number;
  /** Whether to drop a last batch that is not full. @defaultValue `false` */
  readonly dropLast?: boolean;
  /** Ranks that share each global batch. @defaultValue `1` */
  readonly worldSize?: number;
  /** Micro-batches per global batch. @defaultValue `1` */
  readonly gradientAccumulationSteps?: number;
  /** What happens to a last batch with fewer samples than parts: see `DataLoaderOptions.uneven`. @defaultValue `'repeat'` */
  readonly uneven?: 'repeat' | 'short';
}

/** How a global batch is divided. */
export interface BatchLayout {
  /** Ranks that share the batch. */
  readonly worldSize: number;
  /** Micro-batches per global batch. */
  readonly gradientAccumulationSteps: number;
  readonly uneven?: 'repeat' | 'short' | undefined;
}

/**
 * Yields where a position of a global batch is delivered: to one rank in one micro-batch, or to several if a short batch is repeated.
 *
 * @param length - Samples of the global batch.
 */
export function* sightingsIn(
  { epoch, step }: Pick<Sighting, 'epoch' | 'step'>,
  position: number,
  length: number,
  { worldSize, gradientAccumulationSteps, uneven }: BatchLayout,
): Generator<Sighting> {
  if (uneven === 'short' && length < worldSize * gradientAccumulationSteps) {
    const microBatch = Math.floor(position / worldSize);
    yield { epoch, step, microBatch, rank: position % worldSize, slot: 0 };
    return;
  }
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
 * Yields where a position of a global batch is delivered if the batch can be cut only at `cutPoints`. O(parts).
 *
 * @param cutPoints - See `BatchSampler.cutPoints`.
 */
export function* sightingsInPieces(
  { epoch, step }: Pick<Sighting, 'epoch' | 'step'>,
  position: number,
  { worldSize, gradientAccumulationSteps }: BatchLayout,
  cutPoints: readonly number[],
): Generator<Sighting> {
  const length = cutPoints[cutPoints.length - 1]!;
  for (let microBatch = 0; microBatch < gradientAccumulationSteps; microBatch++) {
    for (let rank = 0; rank < worldSize; rank++) {
      const share = { microBatch, gradientAccumulationSteps, rank, worldSize };
      const { start, end } = shareSlice(length, share, cutPoints);
      if (position >= start && position < end)
        yield { epoch, step, microBatch, rank, slot: position - start };
    }
  }
}
