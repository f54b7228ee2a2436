import type { DifficultyFile } from './difficulty-file.js';

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

/** Summarises a metric in one pass over its distinct values. */
export function summariseMetric(file: DifficultyFile): MetricSummary {
  const { samples, rows: distinct, min, max } = file.header;
  const histogram = emptyHistogram(min, max);
  const width = histogram[0]!.end - histogram[0]!.start;
  const quantiles: number[] = [];
  let total = 0;
  let seen = 0;
  for (const rows of file.rows()) {
    for (const { value, end } of rows) {
      const count = end - seen;
      seen = end;
      total += value * count;
      while (quantiles.length < shares.length && seen >= shares[quantiles.length]! * samples)
        quantiles.push(value);
      histogram[Math.min(histogram.length - 1, Math.floor((value - min) / width))]!.count += count;
    }
  }
  return {
    samples,
    min,
    max,
    mean: total / samples,
    median: quantiles[shares.indexOf(0.5)]!,
    quantiles: Object.fromEntries(shares.map((share, i) => [share, quantiles[i]!])),
    distinct,
    histogram,
  };
}

/** Bins of whole numbers, unless the values lie closer together than that. */
function emptyHistogram(low: number, high: number): { start: number; end: number; count: number }[] {
  const isWhole = Number.isInteger(low) && Number.isInteger(high) && high - low >= 1;
  const width =
    isWhole || high === low
      ? Math.max(1, Math.ceil((high - low + 1) / histogramBins))
      : (high - low) / histogramBins;
  const bins = isWhole ? Math.ceil((high - low + 1) / width) : high === low ? 1 : histogramBins;
  return Array.from({ length: bins }, (_, bin) => ({
    start: low + bin * width,
    end: low + (bin + 1) * width,
    count: 0,
  }));
}
