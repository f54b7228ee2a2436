import type { DifficultyFile } from '../difficulty-file.js';

/** Samples that stay or go, and for a duplicate the earlier sample that it repeats. 5 bytes a sample, 9 above 2^32. */
export interface Marks {
  /** 0 for a sample that stays, else the number of the rule that removed it. */
  readonly rule: Uint8Array;
  /** For a duplicate, the sample that stays instead; else the sample itself. */
  readonly stays: Uint32Array | Float64Array;
}

/** Samples read at once. */
const readAtOnce = 65_536;

/**
 * Removes every sample that shares a value of one of the indexes with an earlier sample, where both were not removed
 * before. Groups are read from disk in order of the value; nothing is kept but the marks. The result does not depend on
 * the order of the indexes.
 *
 * @param isSame - Confirms that two samples of a group are duplicates. @defaultValue always
 */
export function markDuplicates(
  marks: Marks,
  rule: number,
  indexes: readonly DifficultyFile[],
  isSame: (a: number, b: number) => boolean = () => true,
): void {
  const { rule: removedBy, stays } = marks;
  for (const index of indexes)
    for (const group of groupsOf(index)) {
      let first: number | undefined;
      for (const sample of group) {
        if (removedBy[sample] !== 0) continue;
        first ??= sample;
        if (first < stays[sample]! && isSame(first, sample)) stays[sample] = first;
      }
    }
  // An earlier sample has its final value already, so one pass ascending follows every chain to its end.
  for (let sample = 0; sample < stays.length; sample++) {
    const earlier = stays[sample]!;
    if (earlier === sample || removedBy[sample] !== 0) continue;
    stays[sample] = stays[earlier]!;
    removedBy[sample] = rule;
  }
}

/** Samples of equal value, ascending, where there are two or more. */
function* groupsOf(index: DifficultyFile): Generator<ArrayLike<number> & Iterable<number>> {
  let start = 0;
  let read: ArrayLike<number> = [];
  let readFrom = 0;
  for (const rows of index.rows())
    for (const { end } of rows) {
      if (end - start > 1) {
        if (start < readFrom || end > readFrom + read.length) {
          readFrom = start;
          read = index.samplesBetween(start, Math.min(index.length, Math.max(end, start + readAtOnce)));
        }
        yield (read as Uint32Array).subarray(start - readFrom, end - readFrom);
      }
      start = end;
    }
}
