import type { ByteRanges } from './byte-source.js';

/** Ranges that are read with one call. */
export interface RangeGroup {
  readonly start: number;
  readonly end: number;
  /** Ordinals of the ranges. */
  readonly members: readonly number[];
}

/** A gap of at most this many bytes is cheaper to read than a second call. */
const worthwhileGap = 4_096;
/** Most bytes of a group, so that they stay in the processor's cache until they are copied. */
const maxGroupBytes = 262_144;

/** Groups ranges that touch or nearly touch, in file order. O(n log n). */
export function groupRanges({ starts, length }: ByteRanges): RangeGroup[] {
  const order = Array.from(starts, (_, k) => k).sort((a, b) => starts[a]! - starts[b]!);
  const groups: { start: number; end: number; members: number[] }[] = [];
  for (const k of order) {
    const start = starts[k]!;
    const last = groups.at(-1);
    if (last && start - last.end <= worthwhileGap && start + length - last.start <= maxGroupBytes) {
      last.end = start + length;
      last.members.push(k);
    } else groups.push({ start, end: start + length, members: [k] });
  }
  return groups;
}
