import type { Dataset } from '../../core/dataset.js';
import type { IntegerDType } from '../../formats/indexed/integer-dtype.js';
import type { KeyCounts, Keys } from './key-counts.js';

/** A number a sample, or, of a `count` metric, a list of numbers of one length for each batch. */
export type MetricValues = ArrayLike<number | bigint>;

/** Arguments of a metric besides the samples. */
export interface MetricContext {
  /** Index of the first sample; the others follow it. */
  readonly start: number;
  /** How often each key occurs in the whole dataset, for metrics with `keysOf`. */
  readonly counts: KeyCounts;
}

/** A measure of difficulty, or a sum over samples. */
export interface Metric<S = unknown> {
  /** Also the name of its files: letters, digits, `_`, `-` and `.`. */
  readonly name: string;
  /** What it measures, in a line. */
  readonly description?: string;
  /** What its values count: `tokens`, `nats`. */
  readonly unit?: string;
  /**
   * `value`: a number a sample, by which samples are sorted. `count`: numbers that are added up over all samples.
   * @defaultValue `'value'`
   */
  readonly kind?: 'value' | 'count';
  /**
   * Values are multiplied by this and rounded to whole numbers, which is all that DeepSpeed's files hold: a loss of 2.3456 becomes 2346
   * with 1,000. Without it values are kept as they are. @defaultValue none
   */
  readonly scale?: number;
  /** What the sums of a `count` metric are kept in: above its range they wrap round. @defaultValue `'int64'` */
  readonly dtype?: IntegerDType;
  /** Samples it is given at once, at most. @defaultValue `64` */
  readonly batchSize?: number;
  /** What of a sample is counted in a first pass over the data: its tokens, its label. @defaultValue no first pass */
  keysOf?(sample: S, index: number): Keys;
  /** The values of all samples, where the dataset knows them without reading samples. */
  knownValues?(dataset: Dataset<unknown>): ArrayLike<number> | undefined;
  /** Measures neighboring samples. */
  measure(samples: readonly S[], context: MetricContext): MetricValues | Promise<MetricValues>;
}

/** The measure of a metric that looks at one sample after the other. */
export function eachSample(
  measureOne: (sample: unknown, index: number, counts: KeyCounts) => number,
): Metric['measure'] {
  return (samples, { start, counts }) => {
    const values = new Float64Array(samples.length);
    for (let i = 0; i < samples.length; i++) values[i] = measureOne(samples[i], start + i, counts);
    return values;
  };
}
