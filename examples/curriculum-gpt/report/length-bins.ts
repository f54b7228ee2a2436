/** Number of sequences of `from` to `to` tokens, both inclusive. */
export interface LengthBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Lengths per bin: the first bin counts 1 … 8. */
export const binWidth = 8;

/** Counts lengths of 1 or more into bins of {@link binWidth}, up to the bin of `longest`. */
export function countLengths(lengths: Iterable<number>, longest: number): LengthBin[] {
  const counts = new Array<number>(Math.max(1, Math.ceil(longest / binWidth))).fill(0);
  for (const length of lengths) {
    const bin = Math.min(Math.ceil(length / binWidth), counts.length) - 1;
    counts[Math.max(0, bin)]!++;
  }
  return counts.map((count, bin) => ({ from: bin * binWidth + 1, to: (bin + 1) * binWidth, count }));
}

/** `9–16`. */
export function binName({ from, to }: Pick<LengthBin, 'from' | 'to'>): string {
  return `${from}–${to}`;
}
