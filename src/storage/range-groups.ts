import type { ByteRanges } from './byte-source.js';

/** Ranges that one read covers. */
export interface RangeGroup {
  readonly start: number;
  readonly end: number;
  /** Which ranges they are. */
  readonly members: readonly number[];
}

/** Bytes between two ranges that are cheaper to read than a call of their own. */
const worthwhileGap = 4_096;
/** A group does not grow further than this, so that its bytes stay in the processor's cache until they are copied. */
const maxGroupBytes = 262_144;

/** Puts ranges that touch, or nearly do, together in the order of the file. O(n log n). */
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
