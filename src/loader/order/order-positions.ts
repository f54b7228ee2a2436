import type { BatchSampler, Positions } from '../../core/sampler.js';

/** From here on a position encodes the step and the offset in its global batch, because the number of earlier samples is unknown. */
const unknownCount = 2 ** 52;
const samplesPerBatch = 2 ** 20;

/**
 * The positions of a global batch that a sampler has just yielded. If the sampler does not provide them, because its
 * batches differ in size, they are numbers that are unique within the epoch.
 */
export function globalPositions(sampler: BatchSampler, globalBatch: number): Positions {
  return (
    sampler.positionsOf?.(globalBatch) ?? { start: unknownCount + globalBatch * samplesPerBatch, step: 1 }
  );
}

/** The positions after the first `count`. */
export function positionsAfter(positions: Positions, count: number): Positions {
  const { start, step } = positions;
  return count === 0 ? positions : { start: start + count * step, step };
}

/** Number of whole passes over the dataset before a position of an epoch; 0 if its samples are not counted. */
export function passAt(position: number, datasetLength: number): number {
  // Mostly the first pass: a division a sample would show.
  if (position < datasetLength || position >= unknownCount) return 0;
  return Math.floor(position / datasetLength);
}
