import type { IndexRange } from '../parts/part-range.js';

/**
 * Splits `start … end - 1` into adjacent parts of nearly equal size, as DeepSpeed's `split_index` does: boundary i is
 * `floor(i · ((end - start) / parts) + start)` in doubles, which is occasionally one below the exact quotient.
 *
 * @param parts - At least 1. If there are more parts than numbers, some are empty.
 */
export function splitIndex(start: number, end: number, parts: number): IndexRange[] {
  const width = (end - start) / parts;
  const boundary = (part: number): number => (part === parts ? end : Math.floor(part * width + start));
  return Array.from({ length: parts }, (_, part) => [boundary(part), boundary(part + 1)] as const);
}
