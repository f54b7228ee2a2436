/** Positions `start … end - 1`. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/**
 * Divides a batch into parts, one for each rank or micro-batch: positions `floor(part·n / parts)` up to but excluding
 * `floor((part + 1)·n / parts)`. Parts are contiguous, cover the batch, and differ by at most one sample.
 *
 * A short last batch with fewer samples than parts gives each part one sample, repeating them, because every rank
 * must take the same number of steps: part p gets position `p mod n`.
 */
export function partSlice(length: number, part: number, parts: number): Slice {
  if (length < parts && length > 0) {
    const start = part % length;
    return { start, end: start + 1 };
  }
  return { start: Math.floor((part * length) / parts), end: Math.floor(((part + 1) * length) / parts) };
}

/**
 * What happens to a last global batch with fewer samples than ranks and micro-batches together: `'repeat'` repeats samples, `'short'`
 * leaves some ranks without a batch, and `'none'` leaves out the global batch.
 */
export type Uneven = 'repeat' | 'short' | 'none';

/** A rank's part of a micro-batch. */
export interface Share {
  readonly microBatch: number;
  readonly gradientAccumulationSteps: number;
  readonly rank: number;
  readonly worldSize: number;
  /** @defaultValue `'repeat'` */
  readonly uneven?: Uneven | undefined;
}

/**
 * A rank's part of a micro-batch: {@link partSlice} cuts the global batch into micro-batches, and each micro-batch into
 * ranks. With `uneven: 'short'` a batch of n samples, fewer than parts, goes to the first n parts: to the ranks of the first micro-batch,
 * then to those of the second.
 *
 * @param cutPoints - The positions at which the batch may be cut: its pieces are divided instead of its samples.
 */
export function shareSlice(length: number, share: Share, cutPoints?: readonly number[]): Slice {
  const pieces = cutPoints ? cutPoints.length - 1 : length;
  if (share.uneven === 'short' && length < share.worldSize * share.gradientAccumulationSteps) {
    const part = share.microBatch * share.worldSize + share.rank;
    return { start: Math.min(part, length), end: Math.min(part + 1, length) };
  }
  const micro = partSlice(pieces, share.microBatch, share.gradientAccumulationSteps);
  const own = partSlice(micro.end - micro.start, share.rank, share.worldSize);
  const [start, end] = [micro.start + own.start, micro.start + own.end];
  return cutPoints ? { start: cutPoints[start]!, end: cutPoints[end]! } : { start, end };
}

/** The parts that contain a position, as {@link partSlice} divides: one, or several if a short batch is repeated. */
export function partsWith(position: number, length: number, parts: number): number[] {
  if (length >= parts) return [Math.ceil(((position + 1) * parts) / length) - 1];
  const rounds = Math.ceil((parts - position) / length);
  return Array.from({ length: rounds }, (_, round) => position + round * length);
}
