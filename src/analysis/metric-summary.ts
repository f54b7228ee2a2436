import { sortSamples } from './sorted-samples.js';

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

/** Summarises the values of a metric; at least one. O(N + K log K). */
export function summariseMetric(values: Float64Array): MetricSummary {
  const sorted = sortSamples(values);
  const quantile = (share: number): number => {
    let seen = 0;
    const place = sorted.counts.findIndex((count) => {
      seen += count;
      return seen >= share * values.length;
    });
    return sorted.values[place]!;
  };
  const total = sorted.values.reduce((sum, value, k) => sum + value * sorted.counts[k]!, 0);
  return {
    samples: values.length,
    min: sorted.values[0]!,
    max: sorted.values.at(-1)!,
    mean: total / values.length,
    median: quantile(0.5),
    quantiles: Object.fromEntries(shares.map((share) => [share, quantile(share)])),
    distinct: sorted.values.length,
    histogram: histogram(sorted.values, sorted.counts),
  };
}

function histogram(values: Float64Array, counts: Int32Array): HistogramBin[] {
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
