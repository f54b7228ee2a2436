/** Positions `start … end - 1` of a sequence. */
export interface SequenceRange {
  readonly start: number;
  readonly end: number;
}

/** Consecutive tokens of one document in a sequence, or in a rank's slice of one. */
export interface Segment {
  /** The document's number in the sequence, from 0. */
  readonly document: number;
  /** Position of the first token: tokens of the document before it in the sequence. */
  readonly start: number;
  /** Tokens. */
  readonly length: number;
  /** Whether the token after the last one is known and belongs to the same document: it is the last one's label. */
  readonly hasNext: boolean;
}

/** Where the documents of a sequence, or of a rank's slice of one, are. Padding follows the last segment. */
export interface SequenceLayout {
  readonly segments: readonly Segment[];
  /** Tokens with padding. */
  readonly length: number;
}

/**
 * The layout of documents end to end, padded to `length`.
 *
 * @param goesOn - Whether the last document has a further token, which is its last token's label.
 */
export function layoutOf(
  lengths: readonly number[],
  { length = sumOf(lengths), goesOn = false }: { readonly length?: number; readonly goesOn?: boolean } = {},
): SequenceLayout {
  const segments = lengths.map((tokens, document) => ({
    document,
    start: 0,
    length: tokens,
    hasNext: goesOn && document === lengths.length - 1,
  }));
  return { segments, length };
}

/** The layout of ranges of a whole sequence, end to end. Ranges beyond its length are padding. */
export function layoutWithin({ segments }: SequenceLayout, ranges: readonly SequenceRange[]): SequenceLayout {
  const parts = ranges.flatMap((range) => {
    let at = 0;
    return segments.flatMap((segment) => {
      const [first, last] = [at, at + segment.length];
      at = last;
      const [from, to] = [Math.max(first, range.start), Math.min(last, range.end)];
      if (from >= to) return [];
      const hasNext = to < last || segment.hasNext;
      return [{ ...segment, start: segment.start + from - first, length: to - from, hasNext }];
    });
  });
  return { segments: parts, length: sumOf(ranges.map(({ start, end }) => end - start)) };
}

/** Lengths of the parts that attend within themselves: the segments, then the padding if there is some. */
function attendedLengths({ segments, length }: SequenceLayout): number[] {
  const lengths = segments.map((segment) => segment.length);
  const padding = length - sumOf(lengths);
  return padding > 0 ? [...lengths, padding] : lengths;
}

/** Cumulative lengths for variable-length attention over sequences end to end, from 0. */
export function cumulativeLengths(layouts: readonly SequenceLayout[]): Int32Array {
  const lengths = layouts.flatMap(attendedLengths);
  const cumulative = new Int32Array(lengths.length + 1);
  for (const [k, length] of lengths.entries()) cumulative[k + 1] = cumulative[k]! + length;
  return cumulative;
}

/** Tokens of the longest part that attends within itself; 0 without any. */
export function longestSegment(layouts: readonly SequenceLayout[]): number {
  return layouts.flatMap(attendedLengths).reduce((longest, length) => Math.max(longest, length), 0);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
