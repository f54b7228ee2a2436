import * as v from 'valibot';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { integerFrom } from '../core/options.js';
import type { SequenceRange } from './sequence-layout.js';

/** Which part of every sequence a context-parallel rank gets. */
export interface SequenceSlice {
  /**
   * `'contiguous'`: rank r has part r of `worldSize` equal parts. `'zigzag'`: of `2 · worldSize` equal parts, rank r has part r and,
   * counted from the end, part r. Causal attention then costs every rank the same, as in Megatron-LM's and in ring attention's
   * balanced layouts.
   */
  readonly style: 'contiguous' | 'zigzag';
  /** Context-parallel rank, `0 … worldSize - 1`: see `parallelGroups`. */
  readonly rank: number;
  /** Context-parallel ranks, which share every sequence. */
  readonly worldSize: number;
}

/** An option that is a {@link SequenceSlice}. */
export const sequenceSliceSchema = v.strictObject({
  style: v.picklist(['contiguous', 'zigzag'], "must be 'contiguous' or 'zigzag'"),
  rank: integerFrom(0),
  worldSize: integerFrom(1),
});

/** The length of a sequence that `2 · worldSize` divides, which both styles need: the next one from `length` up. */
function paddedLength(length: number, { worldSize }: Pick<SequenceSlice, 'worldSize'>): number {
  return Math.ceil(length / (2 * worldSize)) * 2 * worldSize;
}

/**
 * The positions of a sequence that a rank gets, ascending. They are positions in the padded sequence; without a slice, all
 * of the sequence.
 *
 * @param length - Tokens of the sequence, without the padding that the slice needs.
 */
export function rangesOf(length: number, slice: SequenceSlice | undefined): SequenceRange[] {
  if (!slice) return [{ start: 0, end: length }];
  const { style, rank, worldSize } = slice;
  const padded = paddedLength(length, slice);
  if (style === 'contiguous') {
    const part = padded / worldSize;
    return [{ start: rank * part, end: (rank + 1) * part }];
  }
  const part = padded / (2 * worldSize);
  const second = 2 * worldSize - 1 - rank;
  // The last rank has the two parts in the middle, which are one range.
  if (second === rank + 1) return [{ start: rank * part, end: (second + 1) * part }];
  return [
    { start: rank * part, end: (rank + 1) * part },
    { start: second * part, end: (second + 1) * part },
  ];
}

/** Options of windows that are sequences. */
interface SequenceOptions {
  readonly documentEnds?: unknown;
  readonly shift?: boolean | undefined;
  readonly sequenceSlice?: SequenceSlice | undefined;
}

/** Refuses options that do not go together. @throws {@link ConfigError} naming the field */
export function checkSequenceOptions(
  subject: string,
  { documentEnds, shift, sequenceSlice }: SequenceOptions,
): void {
  if (documentEnds !== undefined) {
    checkSlice(subject, sequenceSlice, shift ?? true);
    return;
  }
  const given = Object.entries({ shift, sequenceSlice }).filter(([, value]) => value !== undefined);
  const problems = given.map(([field]) => ({
    field,
    message: 'needs documentEnds: where the documents of a window end',
  }));
  if (problems.length > 0) throw new ConfigError(subject, problems);
}

/** Refuses a slice that cannot be. @throws {@link ConfigError} naming the field */
export function checkSlice(subject: string, slice: SequenceSlice | undefined, shift: boolean): void {
  if (!slice) return;
  const problems: ConfigProblem[] = [];
  if (slice.rank >= slice.worldSize) {
    const message = `is ${slice.rank}, but must be below worldSize, which is ${slice.worldSize}`;
    problems.push({ field: 'sequenceSlice.rank', message });
  }
  if (!shift) {
    const message =
      'must be true with sequenceSlice: labels that are shifted after the cut lose one at each cut. Have the model take them as they are';
    problems.push({ field: 'shift', message });
  }
  if (problems.length > 0) throw new ConfigError(subject, problems);
}
