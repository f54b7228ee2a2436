import * as v from 'valibot';
import { type DType, isDType, type TypedArray } from '../core/dtype.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { Tensor } from '../core/tensor.js';
import { type IntegerDType, isIntegerDType } from '../formats/indexed/integer-dtype.js';
import type { DocIndex } from './index-files.js';

/** Whether a metric says something of every sample, or one thing of all together. */
export type MetricType = 'single_value_per_sample' | 'accumulate_value_over_samples';

/** What a metric function gives: a value a sample, or what is to be added to the sum. Whole numbers. */
export type MetricResult = Tensor | TypedArray | readonly number[];

/** Measures a collated batch. */
export type MetricFunction = (batch: never) => MetricResult | Promise<MetricResult>;

/** Options of {@link DataAnalyzer}: those of DeepSpeed's, in camelCase. */
export interface DataAnalyzerOptions {
  /** Parts of the dataset that are mapped separately, on machines that share `savePath`. @defaultValue `1` */
  readonly numWorkers?: number;
  /** Which of them this is. @defaultValue `0` */
  readonly workerId?: number;
  /** Parts of this worker's part; they are mapped one after another. @defaultValue `1` */
  readonly numThreads?: number;
  /** Parts of the reduce. They show in the document index alone. @defaultValue `1` */
  readonly numThreadsReduce?: number;
  /** Which of the `numThreads` parts to map. @defaultValue all */
  readonly specificThreads?: readonly number[];
  /** Samples a metric function is given at once. @defaultValue `1` */
  readonly batchSize?: number;
  /** One name a metric; also the name of its folder. */
  readonly metricNames: readonly string[];
  /** One function a metric. */
  readonly metricFunctions: readonly MetricFunction[];
  /** @defaultValue `'single_value_per_sample'` for all */
  readonly metricTypes?: readonly MetricType[];
  /** What the results are kept as between map and reduce. @defaultValue `'int64'` for all */
  readonly metricDtypes?: readonly IntegerDType[];
  /** Folder of the results. @defaultValue `'./'` */
  readonly savePath?: string;
  /** Makes a batch of samples. @defaultValue as PyTorch's `default_collate` */
  readonly collateFn?: (samples: readonly never[]) => unknown;
  /** The id of sample i is `sampleIndices[i]`. @defaultValue i */
  readonly sampleIndices?: ArrayLike<number>;
  /** Whose document index the files have. @defaultValue `'merged'` */
  readonly docIndex?: DocIndex;
  /**
   * As DeepSpeed: after a batch that is an object or a list, ids go on by the number of its fields instead of its samples;
   * ids have the dtype of `0 … n - 1` whatever they are; empty parts are errors; and map and reduce leave the files that
   * DeepSpeed's leave, one a value and part among them. @defaultValue `false`
   */
  readonly parity?: boolean;
}

const metricType = v.picklist(
  ['single_value_per_sample', 'accumulate_value_over_samples'],
  `must be 'single_value_per_sample' or 'accumulate_value_over_samples'`,
);
const integerDtype = v.custom<IntegerDType>(
  (value) => isDType(value) && isIntegerDType(value as DType),
  'must be an integer dtype',
);
const text = v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'));
const anyFunction = v.custom<(argument: never) => never>(
  (value) => typeof value === 'function',
  'must be a function',
);

const schema = v.strictObject({
  numWorkers: v.optional(integerFrom(1), 1),
  workerId: v.optional(integerFrom(0), 0),
  numThreads: v.optional(integerFrom(1), 1),
  numThreadsReduce: v.optional(integerFrom(1), 1),
  specificThreads: v.optional(v.array(integerFrom(0)), []),
  batchSize: v.optional(integerFrom(1), 1),
  metricNames: v.pipe(v.array(text, 'must be a list of names'), v.minLength(1, 'must not be empty')),
  metricFunctions: v.array(anyFunction, 'must be a list of functions'),
  metricTypes: v.optional(v.array(metricType)),
  metricDtypes: v.optional(v.array(integerDtype)),
  savePath: v.optional(text, './'),
  collateFn: v.optional(anyFunction),
  sampleIndices: v.optional(
    v.custom<ArrayLike<number>>(
      (value) => Array.isArray(value) || ArrayBuffer.isView(value),
      'must be a list of ids',
    ),
  ),
  docIndex: v.optional(v.picklist(['merged', 'plain'], `must be 'merged' or 'plain'`), 'merged'),
  parity: v.optional(booleanOption, false),
});

/** One metric of an analyzer. */
export interface AnalyzerMetric {
  readonly name: string;
  readonly measure: (batch: unknown) => MetricResult | Promise<MetricResult>;
  readonly type: MetricType;
  readonly dtype: IntegerDType;
}

/** Checked options of {@link DataAnalyzer}, metric by metric. */
export interface AnalyzerSettings {
  readonly numWorkers: number;
  readonly workerId: number;
  readonly numThreads: number;
  readonly numThreadsReduce: number;
  readonly threads: readonly number[];
  readonly batchSize: number;
  readonly metrics: readonly AnalyzerMetric[];
  readonly savePath: string;
  readonly collate: ((samples: readonly unknown[]) => unknown) | undefined;
  readonly sampleIndices: ArrayLike<number> | undefined;
  readonly docIndex: DocIndex;
  readonly parity: boolean;
}

/** @throws {@link ConfigError} naming every option at fault. */
export function resolveAnalyzerOptions(options: DataAnalyzerOptions): AnalyzerSettings {
  const checked = parseOptions('DataAnalyzer options', schema, options);
  const { metricNames, metricFunctions, metricTypes, metricDtypes, specificThreads, collateFn, ...rest } =
    checked;
  const problems = disagreements(checked);
  if (problems.length > 0) throw new ConfigError('DataAnalyzer options', problems);
  const metrics = metricNames.map((name, i) => ({
    name,
    measure: metricFunctions[i]! as unknown as AnalyzerMetric['measure'],
    type: metricTypes?.[i] ?? 'single_value_per_sample',
    dtype: metricDtypes?.[i] ?? 'int64',
  }));
  const all = Array.from({ length: rest.numThreads }, (_, thread) => thread);
  const threads = specificThreads.length > 0 ? specificThreads : all;
  const collate = collateFn as unknown as AnalyzerSettings['collate'];
  return { ...rest, sampleIndices: rest.sampleIndices, metrics, threads, collate };
}

function disagreements(options: v.InferOutput<typeof schema>): ConfigProblem[] {
  const { metricNames, workerId, numWorkers, numThreads, specificThreads } = options;
  const problems: ConfigProblem[] = [];
  for (const field of ['metricFunctions', 'metricTypes', 'metricDtypes'] as const) {
    const length = options[field]?.length ?? metricNames.length;
    if (length === metricNames.length) continue;
    problems.push({ field, message: `has ${length} entries for ${metricNames.length} metricNames` });
  }
  if (new Set(metricNames).size < metricNames.length)
    problems.push({ field: 'metricNames', message: 'has a name twice' });
  if (workerId >= numWorkers)
    problems.push({ field: 'workerId', message: `is ${workerId} of ${numWorkers} workers` });
  const thread = specificThreads.find((number) => number >= numThreads);
  if (thread !== undefined)
    problems.push({ field: 'specificThreads', message: `names ${thread} of ${numThreads} threads` });
  return problems;
}
