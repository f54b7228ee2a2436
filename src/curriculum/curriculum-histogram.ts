import type { DifficultyOrder } from './difficulty-order.js';

/** Distribution of difficulties by one metric. */
export interface CurriculumHistogram {
  readonly metric: string;
  /** Unit of the difficulties: values of the metric, or shares of the sorted samples. */
  readonly type: 'value' | 'percentile';
  /**
   * Edges of the bins, ascending, one more than there are bins. Bin k contains difficulties above `edges[k]` up to
   * `edges[k + 1]`.
   */
  readonly edges: readonly number[];
  /** Number of samples per bin. */
  readonly counts: readonly number[];
}

/** Input of a histogram. */
export interface HistogramSource {
  readonly order: DifficultyOrder;
  readonly from: number;
  readonly to: number;
  /** Number of samples up to a difficulty. */
  admittedBy(difficulty: number): number;
}

/** Counts the samples in bins of equal width; the last bin extends to the hardest sample. O(bins · log n). */
export function countByDifficulty(
  source: HistogramSource,
  bins: number,
): { edges: number[]; counts: number[] } {
  const { from, to, order } = source;
  const edges = Array.from({ length: bins + 1 }, (_, k) => from + ((to - from) * k) / bins);
  const ends = edges.map((edge, k) => (k === 0 ? 0 : k === bins ? order.length : source.admittedBy(edge)));
  return { edges, counts: ends.slice(1).map((end, k) => end - ends[k]!) };
}
