import { type Dataset, isMapDataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { recipeOf } from '../core/recipe.js';
import { type WorkerDataset, WorkerModule } from '../datasets/worker-module.js';
import type { IndexRange } from '../parts/part-range.js';
import { ProgressCount } from '../parts/progress-count.js';
import { shareParts } from '../parts/share-parts.js';
import { openObjectStore } from '../storage/open-object-store.js';
import { type AnalysisDescription, analysisId, describeAnalysis } from './analysis-description.js';
import { type AnalysisPlan, planAnalysis } from './analysis-plan.js';
import { findRecord } from './analysis-result.js';
import {
  type AnalysisProgress,
  type AnalyzeDifficultyOptions,
  resolveAnalyzeOptions,
} from './analyze-difficulty-options.js';
import { finishAnalysis } from './finish-analysis.js';
import { type LoadedMetric, loadMetric, type MetricSource, metricRecipe } from './metric-source.js';
import type { MetricSummary } from './metric-summary.js';
import { type OnSamples, RangeWork } from './range-work.js';
import { AnalysisWorker } from './workers/analysis-worker.js';

/** Results of an analysis. */
export interface DifficultyAnalysis {
  /** Summaries of the metrics of kind `value`. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** Sums of the metrics of kind `count`. */
  readonly counts: Readonly<Record<string, readonly number[]>>;
  /** Whether the results come from an earlier run. */
  readonly wasThere: boolean;
  readonly elapsedMs: number;
}

/**
 * Measures the difficulty of every sample and writes the index of a curriculum: DeepSpeed's index files and a native
 * one, which is smaller and opens at once. The files do not depend on the number of threads.
 *
 * Finished parts are kept under `<outputDir>/.parts`. After an interruption, call it again: it continues with these
 * parts and writes the same bytes.
 *
 * @param source - A dataset, or a module named with `workerDataset`.
 * @throws {@link ConfigError} for an unknown metric, an empty dataset or too little memory; {@link
 *   WorkerTransferError} if the dataset or a metric cannot be moved to a thread; {@link SampleError} naming a sample
 *   that cannot be measured; {@link WorkerExitError}; {@link StorageError}.
 * @remarks One pass over the samples, two with metrics that need counts. `memoryBytes` bounds the memory, whatever
 *   the number of samples and of distinct values.
 */
export async function analyzeDifficulty(
  source: Dataset<unknown> | WorkerDataset<unknown>,
  options: AnalyzeDifficultyOptions,
): Promise<DifficultyAnalysis> {
  const dataset = await loadDataset(source);
  const settings = resolveAnalyzeOptions(options);
  const { outputDir, layout, deepSpeedParts, numWorkers, memoryBytes } = settings;
  const started = performance.now();
  const metrics = await loadMetrics(dataset, settings.metrics);
  const threads = Math.min(numWorkers, dataset.length);
  const valueMetrics = metrics.filter(({ kind }) => kind === 'value').length;
  const plan = planAnalysis({ samples: dataset.length, valueMetrics, threads, memoryBytes });
  const description = describeAnalysis(dataset, metrics, {
    partSamples: plan.partSamples,
    layout,
    deepSpeedParts,
  });
  const store = await openObjectStore(outputDir);
  const finished = await findRecord(store, analysisId(description));
  if (finished) return { ...resultOf(finished), wasThere: true, elapsedMs: performance.now() - started };
  const wholeValues = layout !== 'native';
  const work = new RangeWork({ dataset, metrics, store, description, wholeValues });
  const { onProgress } = settings;
  const progress = new ProgressCount<Phase>(
    samplesOfPhases(dataset.length, metrics),
    ({ phase, done, total }) => onProgress?.({ phase, done, total }),
  );
  const onSamples = (phase: Phase): OnSamples => {
    const add = progress.in(phase);
    return (samples) => add({ samples });
  };
  const makeEngines = threadEngines(source, settings.metrics, threads, {
    outputDir,
    description,
    wholeValues,
  });
  await measureAll(makeEngines ?? (() => [work]), work, metrics, plan, onSamples);
  const { ranges, mergeBytes } = plan;
  const reduced = await finishAnalysis(work, { ranges, mergeBytes }, onSamples('merging'));
  return { ...reduced, wasThere: false, elapsedMs: performance.now() - started };
}

type Phase = AnalysisProgress['phase'];

/**
 * Number of samples of all phases: one pass to measure, one to count if a metric needs it, and one to merge for each
 * metric of values.
 */
export function samplesOfPhases(samples: number, metrics: readonly LoadedMetric[]): number {
  const needsCounts = metrics.some(({ metric }) => metric.keysOf);
  const merged = metrics.filter(({ kind }) => kind === 'value').length;
  return samples * (1 + (needsCounts ? 1 : 0) + merged);
}

/** @throws {@link ConfigError} for a stream, whose samples have no index. */
async function loadDataset(source: Dataset<unknown> | WorkerDataset<unknown>): Promise<Dataset<unknown>> {
  const dataset = source instanceof WorkerModule ? await source.load() : source;
  if (isMapDataset(dataset)) return dataset;
  const message = 'has no length and get: samples are measured by their index';
  throw new ConfigError('analyzeDifficulty', [{ field: 'dataset', message }]);
}

/** @throws {@link ConfigError} for an empty dataset, or two metrics of one name. */
export async function loadMetrics(
  dataset: Dataset<unknown>,
  sources: readonly MetricSource[],
): Promise<LoadedMetric[]> {
  if (dataset.length === 0)
    throw new ConfigError('analyzeDifficulty', [{ field: 'dataset', message: 'is empty' }]);
  const metrics = await Promise.all(sources.map(loadMetric));
  const names = metrics.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return metrics;
  throw new ConfigError('analyzeDifficulty options', [
    { field: 'metrics', message: `contains ${twice} twice` },
  ]);
}

/** Works on ranges, on this thread or another one. */
interface RangeEngine {
  count(range: IndexRange, onSamples: OnSamples): Promise<void>;
  map(range: IndexRange, onSamples: OnSamples): Promise<void>;
  close?(): Promise<void>;
}

interface ThreadSettings {
  readonly outputDir: string;
  readonly description: AnalysisDescription;
  readonly wholeValues: boolean;
}

/**
 * Starts the threads; `undefined` if none are configured. Requests all recipes first, so that what cannot be moved
 * fails now.
 */
function threadEngines(
  dataset: Dataset<unknown> | WorkerDataset<unknown>,
  sources: readonly MetricSource[],
  threads: number,
  { outputDir, description, wholeValues }: ThreadSettings,
): (() => AnalysisWorker[]) | undefined {
  if (threads === 0) return undefined;
  const recipe = recipeOf(dataset, 'dataset');
  const metrics = sources.map(metricRecipe);
  const setup = { dataset: recipe, metrics, outputDir, description, wholeValues };
  return () => Array.from({ length: threads }, (_, id) => new AnalysisWorker(setup, id));
}

/** Counts every range, if a metric needs it, then measures every range. */
async function measureAll(
  makeEngines: () => readonly RangeEngine[],
  work: RangeWork,
  metrics: readonly LoadedMetric[],
  { ranges }: AnalysisPlan,
  onSamples: (phase: Phase) => OnSamples,
): Promise<void> {
  const engines = makeEngines();
  try {
    if (metrics.some(({ metric }) => metric.keysOf)) {
      await shareParts(engines, ranges, 'abandon', (engine, range) =>
        engine.count(range, onSamples('counting')),
      );
      await work.mergeCounts(ranges);
    }
    await shareParts(engines, ranges, 'abandon', (engine, range) =>
      engine.map(range, onSamples('measuring')),
    );
  } finally {
    await Promise.all(engines.map((engine) => engine.close?.()));
  }
}

function resultOf({ metrics, counts }: Pick<DifficultyAnalysis, 'metrics' | 'counts'>) {
  return { metrics, counts };
}
