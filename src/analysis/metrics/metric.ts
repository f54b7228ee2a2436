import type { Dataset } from '../../core/dataset.js';
import type { IntegerDType } from '../../formats/indexed/integer-dtype.js';
import type { KeyCounts, Keys } from './key-counts.js';

/** One number per sample or, for a `count` metric, equally many numbers for every batch. */
export type MetricValues = ArrayLike<number | bigint>;

/** Arguments of a metric besides the samples. */
export interface MetricContext {
  /** Index of the first sample; the indices are consecutive. */
  readonly start: number;
  /** Number of occurrences of each key in the whole dataset, for metrics with `keysOf`. */
  readonly counts: KeyCounts;
}

/** A measure of difficulty, or a sum over samples. */
export interface Metric<S = unknown> {
  /** Name of the metric and of its files: letters, digits, `_`, `-` and `.`. */
  readonly name: string;
  /** What the metric measures, in one line. */
  readonly description?: string;
  /** Unit of the values: `tokens`, `nats`. */
  readonly unit?: string;
  /**
   * `value`: one number per sample, by which samples are sorted. `count`: numbers that are summed over all samples.
   * @defaultValue `'value'`
   */
  readonly kind?: 'value' | 'count';
  /**
   * Values are multiplied by this and rounded to integers, because DeepSpeed's files hold only integers: with 1,000,
   * a loss of 2.3456 becomes 2346. Without a scale, values are stored as measured. @defaultValue none
   */
  readonly scale?: number;
  /** Dtype of the sums of a `count` metric; larger sums wrap around. @defaultValue `'int64'` */
  readonly dtype?: IntegerDType;
  /** Maximum number of samples per call. @defaultValue `64` */
  readonly batchSize?: number;
  /** Keys of a sample to count in a first pass over the data: its tokens, its label. @defaultValue no first pass */
  keysOf?(sample: S, index: number): Keys;
  /** The values of all samples, if the dataset knows them without reading samples. */
  knownValues?(dataset: Dataset<unknown>): ArrayLike<number> | undefined;
  /** Measures consecutive samples. */
  measure(samples: readonly S[], context: MetricContext): MetricValues | Promise<MetricValues>;
}

/** Makes the `measure` of a metric from a function of one sample. */
export function eachSample(
  measureOne: (sample: unknown, index: number, counts: KeyCounts) => number,
): Metric['measure'] {
  return (samples, { start, counts }) => {
    const values = new Float64Array(samples.length);
    for (let i = 0; i < samples.length; i++) values[i] = measureOne(samples[i], start + i, counts);
    return values;
  };
}
