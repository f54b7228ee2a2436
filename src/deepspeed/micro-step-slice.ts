import type { Slice } from '../core/part-slice.js';

/**
 * The part of a micro-step that one rank gets: a contiguous block, as DeepSpeed cuts it. A micro-step with fewer samples
 * than ranks gives each rank one of them when `repeatShort` is set, since a rank without a batch would stop the others.
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
