import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import { WorkerModule } from '../datasets/worker-module.js';
import type { AnalysisLayout } from './analysis-description.js';
import type { DeepSpeedParts } from './deepspeed-layout.js';
import type { MetricSource } from './metric-source.js';

/** Progress of an analysis. */
export interface AnalysisProgress {
  readonly phase: 'counting' | 'measuring' | 'merging';
  /** Number of samples of all phases together. */
  readonly done: number;
  readonly total: number;
}

export interface AnalyzeDifficultyOptions {
  /**
   * Destination of the results: a path, a `file:` URL or `s3://bucket/prefix` (also `gs:`, `az:`). Writes
   * `<outputDir>/<metric>/<metric>…` and `analysis.json`.
   */
  readonly outputDir: string;
  /**
   * What to measure: names of built-in metrics, or your own metrics. @defaultValue `['seqlen', 'vocabularyrarity']`
   */
  readonly metrics?: readonly MetricSource[];
  /**
   * Number of threads; 0 measures on the calling thread. Threads require a dataset and metrics that can be moved to
   * them. @defaultValue `2`
   */
  readonly numWorkers?: number;
  /**
   * Memory limit of the process and its threads, in bytes. Memory of the dataset and of the metrics comes on top.
   * @defaultValue `512_000_000`
   */
  readonly memoryBytes?: number;
  /** Which files are written: DeepSpeed's, the native `.difficulty` file, or both. @defaultValue `'both'` */
  readonly layout?: AnalysisLayout;
  /**
   * Number of DeepSpeed workers and threads that the document index of its files reflects. @defaultValue one of each
   */
  readonly deepSpeedParts?: DeepSpeedParts;
  readonly onProgress?: (progress: AnalysisProgress) => void;
}

const isMetric = (value: unknown): boolean =>
  typeof value === 'string' || value instanceof WorkerModule || (typeof value === 'object' && value !== null);

export const deepSpeedPartsSchema = v.optional(
  v.strictObject({
    workers: v.optional(integerFrom(1)),
    threads: v.optional(integerFrom(1)),
    reduceThreads: v.optional(integerFrom(1)),
    docIndex: v.optional(v.picklist(['merged', 'plain'], `must be 'merged' or 'plain'`)),
  }),
  {},
);

export const metricsSchema = v.optional(
  v.pipe(
    v.array(v.custom<MetricSource>(isMetric, 'must be names of metrics, metrics or modules of metrics')),
    v.minLength(1, 'must name a metric'),
  ),
  ['seqlen', 'vocabularyrarity'],
);

export const layoutRequired = v.picklist(
  ['deepspeed', 'native', 'both'],
  `must be 'deepspeed', 'native' or 'both'`,
);

export const layoutSchema = v.optional(layoutRequired, 'both');

export const outputSchema = v.pipe(v.string('must be a path'), v.nonEmpty('must not be empty'));

/** Default memory limit of a process. */
export const defaultMemoryBytes = 512e6;

const schema = v.strictObject({
  outputDir: outputSchema,
  metrics: metricsSchema,
  numWorkers: v.optional(integerFrom(0), 2),
  memoryBytes: v.optional(integerFrom(1), defaultMemoryBytes),
  layout: layoutSchema,
  deepSpeedParts: deepSpeedPartsSchema,
  onProgress: v.optional(
    v.custom<(progress: AnalysisProgress) => void>((f) => typeof f === 'function', 'must be a function'),
  ),
});

/** @throws {@link ConfigError} naming every invalid option. */
export function resolveAnalyzeOptions(options: AnalyzeDifficultyOptions) {
  const checked = parseOptions('analyzeDifficulty options', schema, options);
  return { ...checked, deepSpeedParts: checked.deepSpeedParts as DeepSpeedParts };
}
