import type { SamplesByValue } from '../core/sort-by-value.js';

/** A bin of a histogram: values from `start` up to and without `end`; the last bin holds its end, too. */
export interface HistogramBin {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** How a metric is distributed over the samples. */
export interface MetricSummary {
  readonly samples: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  /** The value that a share of the samples does not exceed, for the shares 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99. */
  readonly quantiles: Readonly<Record<string, number>>;
  /** Distinct values. */
  readonly distinct: number;
  readonly histogram: readonly HistogramBin[];
}

const shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const histogramBins = 12;

/** Summarises a metric; at least one sample. O(K) for K distinct values. */
export function summariseMetric({ distinct, counts, ids }: SamplesByValue): MetricSummary {
  const quantile = (share: number): number => {
    let seen = 0;
    const row = counts.findIndex((count) => {
      seen += count;
      return seen >= share * ids.length;
    });
    return distinct[row]!;
  };
  const total = distinct.reduce((sum, value, row) => sum + value * counts[row]!, 0);
  return {
    samples: ids.length,
    min: distinct[0]!,
    max: distinct.at(-1)!,
    mean: total / ids.length,
    median: quantile(0.5),
    quantiles: Object.fromEntries(shares.map((share) => [share, quantile(share)])),
    distinct: distinct.length,
    histogram: histogram(distinct, counts),
  };
}

function histogram(values: Float64Array, counts: Float64Array): HistogramBin[] {
  const [low, high] = [values[0]!, values.at(-1)!];
  const width = Math.max(1, Math.ceil((high - low + 1) / histogramBins));
  const bins = Array.from({ length: Math.ceil((high - low + 1) / width) }, (_, bin) => ({
    start: low + bin * width,
    end: low + (bin + 1) * width,
    count: 0,
  }));
  values.forEach((value, k) => {
    bins[Math.floor((value - low) / width)]!.count += counts[k]!;
  });
  return bins;
}
