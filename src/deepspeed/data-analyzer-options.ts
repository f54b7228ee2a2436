import * as v from 'valibot';
import type { DocIndex } from '../analysis/index-files.js';
import { isDType, type TypedArray } from '../core/dtype.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { Tensor } from '../core/tensor.js';
import { type IntegerDType, isIntegerDType } from '../formats/indexed/integer-dtype.js';

/** Whether a metric has a value for every sample, or one for all samples together. */
export type MetricType = 'single_value_per_sample' | 'accumulate_value_over_samples';

/** Result of a metric function: one value per sample, or the numbers to add to the sum. Integers. */
export type MetricResult = Tensor | TypedArray | readonly number[];

/** Measures a collated batch. */
export type MetricFunction = (batch: never) => MetricResult | Promise<MetricResult>;

/** The part that custom map functions work on. */
export interface CustomMapPart {
  readonly threadId: number;
  readonly workerId: number;
  readonly metricNames: readonly string[];
  readonly savePath: string;
}

/** What a custom reduce works on. */
export interface CustomReduce {
  readonly samples: number;
  readonly metricNames: readonly string[];
  readonly savePath: string;
  readonly numWorkers: number;
  readonly numThreads: number;
  readonly numThreadsReduce: number;
}

/** Options of {@link DataAnalyzer}: those of DeepSpeed's, in camelCase. */
export interface DataAnalyzerOptions {
  /** Parts of the dataset that are mapped separately, on machines that share `savePath`. @defaultValue `1` */
  readonly numWorkers?: number;
  /** This worker, `0 … numWorkers - 1`. @defaultValue `0` */
  readonly workerId?: number;
  /** Number of sub-parts of this worker's part, which are mapped one after another. @defaultValue `1` */
  readonly numThreads?: number;
  /** Number of parts of the reduce. It affects only the document index. @defaultValue `1` */
  readonly numThreadsReduce?: number;
  /** Which of the `numThreads` parts to map. @defaultValue all */
  readonly specificThreads?: readonly number[];
  /** Samples per call of a metric function. @defaultValue `1` */
  readonly batchSize?: number;
  /** The name of each metric, and of its folder. */
  readonly metricNames: readonly string[];
  /** The function of each metric. */
  readonly metricFunctions: readonly MetricFunction[];
  /** @defaultValue `'single_value_per_sample'` for all */
  readonly metricTypes?: readonly MetricType[];
  /** Dtype of the stored results between map and reduce. @defaultValue `'int64'` for all */
  readonly metricDtypes?: readonly IntegerDType[];
  /** Folder of the results. @defaultValue `'./'` */
  readonly savePath?: string;
  /** Collates samples into a batch. @defaultValue as PyTorch's `default_collate` */
  readonly collateFn?: (samples: readonly never[]) => unknown;
  /** The id of sample i is `sampleIndices[i]`. @defaultValue i */
  readonly sampleIndices?: ArrayLike<number>;
  /**
   * Makes the results of a part of the map, with `customMapUpdate` and `customMapFinalize`; the analyzer then writes nothing for
   * the part. @defaultValue none
   */
  readonly customMapInit?: (part: CustomMapPart) => unknown;
  /** Adds a collated batch to the results; `firstSample` is the index of its first sample. @defaultValue none */
  readonly customMapUpdate?: (batch: never, results: never, firstSample: number) => void | Promise<void>;
  /** Writes the results of a part. @defaultValue none */
  readonly customMapFinalize?: (results: never) => void | Promise<void>;
  /** Merges what the map wrote, instead of the analyzer. @defaultValue none */
  readonly customReduce?: (reduce: CustomReduce) => void | Promise<void>;
  /** Layout of the document index of the files. @defaultValue `'merged'` */
  readonly docIndex?: DocIndex;
  /**
   * Reproduces DeepSpeed: after a batch that is an object or a list, ids advance by the number of its fields instead of its samples;
   * ids always have the dtype of `0 … n - 1`; empty parts are errors; and map and reduce leave DeepSpeed's intermediate files, including
   * one per value and part. @defaultValue `false`
   */
  readonly parity?: boolean;
}

const metricType = v.picklist(
  ['single_value_per_sample', 'accumulate_value_over_samples'],
  `must be 'single_value_per_sample' or 'accumulate_value_over_samples'`,
);
const integerDtype = v.custom<IntegerDType>(
  (value) => isDType(value) && isIntegerDType(value),
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
  customMapInit: v.optional(anyFunction),
  customMapUpdate: v.optional(anyFunction),
  customMapFinalize: v.optional(anyFunction),
  customReduce: v.optional(anyFunction),
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
  /** Custom functions of the map; all of them or none. */
  readonly customMap: CustomMap | undefined;
  readonly customReduce: ((reduce: CustomReduce) => void | Promise<void>) | undefined;
  readonly parity: boolean;
}

/** The custom functions of the map. */
export interface CustomMap {
  readonly init: (part: CustomMapPart) => unknown;
  readonly update: (batch: unknown, results: unknown, firstSample: number) => void | Promise<void>;
  readonly finalize: (results: unknown) => void | Promise<void>;
}

/** @throws {@link ConfigError} naming every invalid option. */
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
  const customReduce = rest.customReduce as unknown as AnalyzerSettings['customReduce'];
  const customMap = customMapOf(options);
  return { ...rest, sampleIndices: rest.sampleIndices, metrics, threads, collate, customMap, customReduce };
}

function customMapOf(options: DataAnalyzerOptions): CustomMap | undefined {
  const { customMapInit: init, customMapUpdate: update, customMapFinalize: finalize } = options;
  return init && ({ init, update, finalize } as unknown as CustomMap);
}

function disagreements(options: v.InferOutput<typeof schema>): ConfigProblem[] {
  const { metricNames, workerId, numWorkers, numThreads, specificThreads } = options;
  const problems: ConfigProblem[] = [];
  for (const field of ['metricFunctions', 'metricTypes', 'metricDtypes'] as const) {
    const length = options[field]?.length ?? metricNames.length;
    if (length === metricNames.length) continue;
    problems.push({ field, message: `has ${length} entries for ${metricNames.length} metricNames` });
  }
  const mapHooks = ['customMapInit', 'customMapUpdate', 'customMapFinalize'] as const;
  const missing = mapHooks.filter((hook) => options[hook] === undefined);
  if (missing.length > 0 && missing.length < mapHooks.length)
    problems.push({
      field: missing[0]!,
      message: 'is missing: the three functions of a custom map belong together',
    });
  if (new Set(metricNames).size < metricNames.length)
    problems.push({ field: 'metricNames', message: `lists a name twice: ${metricNames.join(', ')}` });
  if (workerId >= numWorkers)
    problems.push({
      field: 'workerId',
      message: `is ${workerId}, but there are ${numWorkers} workers, numbered from 0`,
    });
  const thread = specificThreads.find((number) => number >= numThreads);
  if (thread !== undefined)
    problems.push({
      field: 'specificThreads',
      message: `lists ${thread}, but there are ${numThreads} threads, numbered from 0`,
    });
  return problems;
}
