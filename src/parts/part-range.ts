/** The indices `start … end - 1`. */
export type IndexRange = readonly [start: number, end: number];

/** Cuts `0 … length - 1` into ranges of `size` indices; the last one may be shorter. */
export function rangesOf(length: number, size: number): IndexRange[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, range) => [
    range * size,
    Math.min(length, (range + 1) * size),
  ]);
}
