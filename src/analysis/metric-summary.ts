import type { DifficultyFile } from './difficulty-file.js';

/** A bin of a histogram: values from `start` up to but excluding `end`; the last bin includes its end. */
export interface HistogramBin {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** Distribution of a metric over the samples. */
export interface MetricSummary {
  readonly samples: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  /**
   * Quantiles: the values that the shares 0.01, 0.05, 0.25, 0.5, 0.75, 0.95 and 0.99 of the samples do not exceed.
   */
  readonly quantiles: Readonly<Record<string, number>>;
  /** Number of distinct values. */
  readonly distinct: number;
  readonly histogram: readonly HistogramBin[];
}

const shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const histogramBins = 12;

/** Summarizes a metric in one pass over its distinct values. */
export function summarizeMetric(file: DifficultyFile): MetricSummary {
  const { samples, rows: distinct, min, max } = file.header;
  const histogram = new Histogram(min, max);
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
      histogram.add(value, count);
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
    histogram: histogram.bins,
  };
}

/** Bins of equal width, with integer bounds if the range is integer and wide enough. */
class Histogram {
  readonly bins: { readonly start: number; readonly end: number; count: number }[];
  readonly #low: number;
  readonly #width: number;

  constructor(low: number, high: number) {
    const isWhole = Number.isSafeInteger(low) && Number.isSafeInteger(high);
    // Halves, because the difference of two doubles can overflow.
    const span = isWhole ? high - low + 1 : 2 * (high / (2 * histogramBins) - low / (2 * histogramBins));
    const width = isWhole ? Math.max(1, Math.ceil(span / histogramBins)) : span;
    const count = isWhole ? Math.ceil(span / width) : high === low ? 1 : histogramBins;
    this.#low = low;
    this.#width = width;
    this.bins = Array.from({ length: count }, (_, bin) => ({
      start: low + bin * width,
      end: low + (bin + 1) * width,
      count: 0,
    }));
  }

  add(value: number, count: number): void {
    const bin = Math.floor((value - this.#low) / this.#width);
    this.bins[Math.min(this.bins.length - 1, bin || 0)]!.count += count;
  }
}
