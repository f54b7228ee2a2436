import type { Slice } from '../core/part-slice.js';

/**
 * One rank's share of a micro-step: a contiguous block, as in DeepSpeed. With `repeatShort`, a micro-step with fewer
 * samples than ranks gives each rank one of them, because a rank without a batch would block the others.
 */
export function microStepSlice(
  length: number,
  rank: number,
  worldSize: number,
  { repeatShort }: { readonly repeatShort: boolean },
): Slice {
  if (repeatShort && length > 0 && length < worldSize) {
    const start = rank % length;
    return { start, end: start + 1 };
  }
  return {
    start: roundHalfToEven((rank * length) / worldSize),
    end: roundHalfToEven(((rank + 1) * length) / worldSize),
  };
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
