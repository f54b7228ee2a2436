// The recorded runs of DeepSpeed's analyzer, and the options with which the engines write the same files.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { workerFunction } from 'millrace';
import { digestOf, type FileDigest } from './digest.js';
import { loadCases, type RecordedError } from './golden-file.js';

type Rule = { readonly linear_mod: [number, number, number, number]; readonly square_mod?: number };

export interface Metric {
  readonly name: string;
  readonly type: 'single_value_per_sample' | 'accumulate_value_over_samples';
  readonly dtype: string;
  readonly width?: number;
}

export interface Contents {
  readonly dtype: string;
  readonly rows: number;
  readonly doc_idx: number[];
  readonly values?: (number | number[])[];
}

export interface Case {
  readonly name: string;
  readonly n: number;
  readonly num_workers: number;
  readonly num_threads: number;
  readonly num_threads_reduce: number;
  readonly batch_size: number;
  readonly dataset: 'scalar' | 'mapping' | 'mapping_with_index' | 'pair';
  readonly distributed?: boolean;
  readonly sample_indices?: number[];
  readonly metrics: Metric[];
  readonly values: Record<string, number[] | { readonly rule: Rule }>;
  readonly final: Record<string, FileDigest>;
  readonly contents: Record<string, Contents>;
  readonly map_files: Record<string, FileDigest> & {
    readonly csv_digest?: { readonly count: number; readonly sha256: string };
  };
  readonly error?: RecordedError;
}

/** The remainder that has the sign of the divisor, as in Python. */
export const modulo = (value: number, divisor: number): number => ((value % divisor) + divisor) % divisor;

export function valuesOf({ values, n }: Case, { name }: Metric): number[] {
  const given = values[name]!;
  if (Array.isArray(given)) return given;
  const [a, b, m, c] = given.rule.linear_mod;
  const linear = Array.from({ length: n }, (_, i) => modulo(a * i + b, m) + c);
  const square = given.rule.square_mod;
  return square === undefined ? linear : linear.map((value, i) => modulo(value * value + i, square) + c);
}

/** Every file under the folder, `metric/…/file` → its digest. */
export function filesIn(savePath: string): Record<string, FileDigest> {
  const files = readdirSync(savePath, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map(({ parentPath, name }) => join(parentPath, name).slice(savePath.length + 1));
  return Object.fromEntries(paths.sort().map((path) => [path, digestOf(join(savePath, path))]));
}

/** Cases whose ids are those of the dataset: the others show defects of the original, or ids of the caller's. */
export const plainCases = (): Case[] =>
  loadCases<Case>('analyzer.json').filter(
    ({ dataset, sample_indices, error }) => dataset === 'scalar' && !sample_indices && !error,
  );

/** Options of `analyzeDifficulty` and of the cluster for the files of a case. */
export function engineOptions(golden: Case) {
  return {
    metrics: golden.metrics.map((metric) => {
      const { name, type, dtype, width } = metric;
      const options = { name, type, dtype, width, values: valuesOf(golden, metric) };
      return workerFunction(new URL('../fixtures/listed-metric.js', import.meta.url), { options });
    }),
    layout: 'deepspeed' as const,
    deepSpeedParts: {
      workers: golden.num_workers,
      threads: golden.num_threads,
      reduceThreads: golden.num_threads_reduce,
      docIndex: golden.distributed ? ('plain' as const) : ('merged' as const),
    },
  };
}
