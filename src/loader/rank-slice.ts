/**
 * The part of a global batch that a rank gets: positions `floor(rank·n / worldSize)` up to and without
 * `floor((rank + 1)·n / worldSize)`, so that parts are contiguous, together are the whole, and differ by at most one.
 *
 * A short last batch with fewer samples than ranks gives each rank one sample, repeating them, because every rank must
 * take the same number of steps: rank r gets position `r mod n`.
 */
export function rankSlice(
  globalBatchLength: number,
  rank: number,
  worldSize: number,
): { readonly start: number; readonly end: number } {
  if (globalBatchLength < worldSize && globalBatchLength > 0) {
    const start = rank % globalBatchLength;
    return { start, end: start + 1 };
  }
  return {
    start: Math.floor((rank * globalBatchLength) / worldSize),
    end: Math.floor(((rank + 1) * globalBatchLength) / worldSize),
  };
}
