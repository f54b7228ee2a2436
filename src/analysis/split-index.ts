import type { IndexRange } from '../parts/part-range.js';

/**
 * Cuts `start … end - 1` into neighboring parts of nearly equal size, as DeepSpeed's `split_index` does: boundary i is
 * `floor(i · ((end - start) / parts) + start)` in doubles, which is now and then one below the exact quotient.
 *
 * @param parts - 1 or more. Parts beyond the numbers there are stay empty.
 */
export function splitIndex(start: number, end: number, parts: number): IndexRange[] {
  const width = (end - start) / parts;
  const boundary = (part: number): number => (part === parts ? end : Math.floor(part * width + start));
  return Array.from({ length: parts }, (_, part) => [boundary(part), boundary(part + 1)] as const);
}
