import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { recipeOf } from '../core/recipe.js';
import { sortByValue } from '../core/sort-by-value.js';
import { smallestIntegerDtype } from '../formats/index.js';
import { type AnalysisEngine, LocalAnalysis } from './analysis-engine.js';
import { writeIndexFiles } from './index-files.js';
import { mergeCounts, type OnSamples } from './measure-range.js';
import { type MetricSummary, summariseMetric } from './metric-summary.js';
import { tokenMetric } from './metrics/index.js';
import type { TokenCounts, TokenMetric } from './metrics/token-metric.js';
import { type IndexRange, splitIndex } from './split-index.js';
import { AnalysisWorker } from './workers/analysis-worker.js';

/** How far an analysis is. */
export interface AnalysisProgress {
  readonly phase: 'counting tokens' | 'measuring' | 'writing';
  /** Of all phases together. */
  readonly done: number;
  readonly total: number;
}

export interface AnalyzeDifficultyOptions {
  /** Folder for the index: `<outputDir>/<metric>/<metric>_…`. */
  readonly outputDir: string;
  /** What to measure: `seqlen`, `vocabularyrarity`. @defaultValue both */
  readonly metrics?: readonly string[];
  /** Threads; 0 measures on this one. With threads the dataset must be movable. @defaultValue `2` */
  readonly numWorkers?: number;
  readonly onProgress?: (progress: AnalysisProgress) => void;
}

/** What an analysis found. */
export interface DifficultyAnalysis {
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  readonly elapsedMs: number;
}

const schema = v.strictObject({
  outputDir: v.string('must be a path'),
  metrics: v.optional(v.pipe(v.array(v.string('must be names')), v.minLength(1, 'must name a metric')), [
    'seqlen',
    'vocabularyrarity',
  ]),
  numWorkers: v.optional(integerFrom(0), 2),
  onProgress: v.optional(
    v.custom<(progress: AnalysisProgress) => void>((f) => typeof f === 'function', 'must be a function'),
  ),
});

/**
 * Measures the difficulty of every sample of token ids and writes DeepSpeed's index of it: the files that a curriculum
 * configuration names. The files are the same for any number of threads.
 *
 * @throws {@link ConfigError} for an unknown metric or an empty dataset, {@link WorkerTransferError} when the dataset
 *   cannot move, {@link SampleError} naming the sample that cannot be measured, {@link WorkerExitError}.
 * @remarks One pass over the samples, two with vocabulary rarity; 8 bytes a sample and metric.
 */
export async function analyzeDifficulty(
  dataset: Dataset<unknown>,
  options: AnalyzeDifficultyOptions,
): Promise<DifficultyAnalysis> {
  const {
    outputDir,
    metrics: names,
    numWorkers,
    onProgress,
  } = parseOptions('analyzeDifficulty options', schema, options);
  const metrics = names.map(tokenMetric);
  if (dataset.length === 0) {
    throw new ConfigError('analyzeDifficulty', [{ field: 'dataset', message: 'is empty' }]);
  }
  const started = performance.now();
  const analysis = new Analysis(dataset, metrics, numWorkers, onProgress);
  try {
    const columns = await analysis.run();
    analysis.report('writing', 0);
    const summaries = metrics.map(({ name }, k) => [name, writeIndex(outputDir, name, columns[k]!)] as const);
    return { metrics: Object.fromEntries(summaries), elapsedMs: performance.now() - started };
  } finally {
    await analysis.close();
  }
}

/** Writes the index of one metric, as one map and one reduce of DeepSpeed's would, and sums it up. */
function writeIndex(folder: string, metric: string, values: Float64Array): MetricSummary {
  const ids = Float64Array.from(values.keys());
  const rows = sortByValue(values, ids);
  const idDtype = smallestIntegerDtype(0, values.length - 1);
  const partEnds = { samples: [values.length], values: [rows.distinct.length] };
  writeIndexFiles(folder, {
    metric,
    values,
    rows,
    idDtype,
    mergedIdDtype: idDtype,
    docIndex: 'merged',
    partEnds,
  });
  return summariseMetric(rows);
}

class Analysis {
  readonly #metrics: readonly TokenMetric[];
  readonly #length: number;
  readonly #engines: readonly AnalysisEngine[];
  readonly #ranges: readonly IndexRange[];
  readonly #onProgress: ((progress: AnalysisProgress) => void) | undefined;
  readonly #needsCounts: boolean;
  #done = 0;

  constructor(
    dataset: Dataset<unknown>,
    metrics: readonly TokenMetric[],
    numWorkers: number,
    onProgress: ((progress: AnalysisProgress) => void) | undefined,
  ) {
    this.#metrics = metrics;
    this.#length = dataset.length;
    this.#onProgress = onProgress;
    this.#needsCounts = metrics.some(({ needsCounts }) => needsCounts);
    const threads = Math.min(numWorkers, dataset.length);
    const recipe = threads > 0 ? recipeOf(dataset, 'dataset') : undefined;
    this.#engines = recipe
      ? Array.from({ length: threads }, (_, id) => new AnalysisWorker(recipe, id))
      : [new LocalAnalysis(dataset)];
    this.#ranges = splitIndex(0, dataset.length, this.#engines.length);
  }

  /** A column of values a metric. */
  async run(): Promise<Float64Array[]> {
    const counts = this.#needsCounts ? await this.#count() : { counts: new Map<number, number>(), total: 0 };
    const values = this.#metrics.map(() => new Float64Array(new SharedArrayBuffer(8 * this.#length)));
    const onSamples = this.#reporter('measuring');
    const metrics = this.#metrics;
    await this.#onEach((engine, range) => engine.measure({ range, metrics, counts, values }, onSamples));
    return values;
  }

  report(phase: AnalysisProgress['phase'], samples: number): void {
    this.#done += samples;
    this.#onProgress?.({ phase, done: this.#done, total: this.#length * (this.#needsCounts ? 2 : 1) });
  }

  async close(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.close()));
  }

  async #count(): Promise<TokenCounts> {
    const onSamples = this.#reporter('counting tokens');
    return mergeCounts(await this.#onEach((engine, range) => engine.count(range, onSamples)));
  }

  #reporter(phase: AnalysisProgress['phase']): OnSamples {
    return (samples) => this.report(phase, samples);
  }

  #onEach<R>(work: (engine: AnalysisEngine, range: IndexRange) => Promise<R>): Promise<R[]> {
    return Promise.all(this.#engines.map((engine, k) => work(engine, this.#ranges[k]!)));
  }
}
