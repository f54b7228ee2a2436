import type { DifficultyOrder } from './difficulty-order.js';

/** How many samples there are of which difficulty, by one metric. */
export interface CurriculumHistogram {
  readonly metric: string;
  /** What difficulties are: values of the metric, or parts of the sorted samples. */
  readonly type: 'value' | 'percentile';
  /** Difficulties between the bins, ascending, one more than there are bins. Bin k holds those above `edges[k]` up to `edges[k + 1]`. */
  readonly edges: readonly number[];
  /** Samples in each bin. */
  readonly counts: readonly number[];
}

/** What is counted, and how far. */
export interface HistogramSource {
  readonly order: DifficultyOrder;
  readonly from: number;
  readonly to: number;
  /** How many samples are of a difficulty up to this one. */
  admittedBy(difficulty: number): number;
}

/** Counts the samples of equal steps of difficulty; the last bin goes on to the hardest. O(bins · log n). */
export function countByDifficulty(
  source: HistogramSource,
  bins: number,
): { edges: number[]; counts: number[] } {
  const { from, to, order } = source;
  const edges = Array.from({ length: bins + 1 }, (_, k) => from + ((to - from) * k) / bins);
  const ends = edges.map((edge, k) => (k === 0 ? 0 : k === bins ? order.length : source.admittedBy(edge)));
  return { edges, counts: ends.slice(1).map((end, k) => end - ends[k]!) };
}
