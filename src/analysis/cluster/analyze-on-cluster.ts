import * as v from 'valibot';
import { integerFrom, parseOptions } from '../../core/options.js';
import { version } from '../../core/version.js';
import { cancelWork, clusterEntries, runOnCluster } from '../../parts/cluster/run-on-cluster.js';
import type { QueueState } from '../../parts/cluster/work-queue.js';
import type { WorkSpecification } from '../../parts/cluster/work-specification.js';
import { absoluteName } from '../../storage/absolute-name.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { analysisId, describeAnalysis } from '../analysis-description.js';
import { planAnalysis } from '../analysis-plan.js';
import { type AnalysisRecord, findRecord } from '../analysis-result.js';
import { type DifficultyAnalysis, loadMetrics, samplesOfPhases } from '../analyze-difficulty.js';
import {
  type AnalysisProgress,
  type AnalyzeDifficultyOptions,
  deepSpeedPartsSchema,
  defaultMemoryBytes,
  layoutSchema,
  metricsSchema,
  outputSchema,
} from '../analyze-difficulty-options.js';
import type { DeepSpeedParts } from '../deepspeed-layout.js';
import { metricRecipe } from '../metric-source.js';
import { type AnalysisDetails, phasesOf } from './analysis-work.js';
import { type ClusterDataset, datasetRecipe, openFromRecipe } from './cluster-dataset.js';

/** Options of {@link analyzeOnCluster}. */
export interface ClusterOptions
  extends Pick<
    AnalyzeDifficultyOptions,
    'outputDir' | 'metrics' | 'layout' | 'deepSpeedParts' | 'onProgress'
  > {
  /** URL of the Redis server of the queue: `redis://host:6379`. */
  readonly redis: string;
  /** Name of the queue. Each worker serves one queue. @defaultValue `'millrace'` */
  readonly queue?: string;
  /** Memory of a worker's thread and of the reduce, in bytes. @defaultValue `512_000_000` */
  readonly memoryBytes?: number;
  /**
   * Samples per job. @defaultValue a quarter of the samples, up to 262,144; more if there would be over 2,000 jobs
   */
  readonly partSamples?: number;
  /**
   * Number of attempts of a job before the analysis fails. A worker's death does not count as one. @defaultValue `3`
   */
  readonly attempts?: number;
  /** Pause before the second attempt, in milliseconds; it doubles with each further attempt. @defaultValue `1_000` */
  readonly backoffMs?: number;
  /** Interval between reads of the queue's state, in milliseconds. @defaultValue `1_000` */
  readonly pollMs?: number;
  /** Called once for each worker that refuses jobs, with its name and the reason. */
  readonly onRefusal?: (refusal: string) => void;
}

const schema = v.strictObject({
  outputDir: outputSchema,
  metrics: metricsSchema,
  layout: layoutSchema,
  deepSpeedParts: deepSpeedPartsSchema,
  memoryBytes: v.optional(integerFrom(1), defaultMemoryBytes),
  partSamples: v.optional(integerFrom(1)),
  ...clusterEntries,
  onProgress: v.optional(v.custom<(progress: AnalysisProgress) => void>((f) => typeof f === 'function')),
});

/**
 * Like `analyzeDifficulty`, but on all machines that run `millrace worker` (or a {@link ClusterWorker}). The
 * files are the same.
 *
 * Parts and results go to `outputDir`, which must name the same location on all machines. If this process ends, the
 * workers continue, and another call waits for them. If a worker dies, the others take over its jobs.
 *
 * @throws {@link WorkerExitError} if a job has failed `attempts` times, with the reason, or if the analysis was
 *   canceled; the errors of `analyzeDifficulty`; {@link MissingPeerError} without bullmq and ioredis; {@link
 *   StorageError} if Redis does not answer.
 */
export async function analyzeOnCluster(
  dataset: ClusterDataset,
  options: ClusterOptions,
): Promise<DifficultyAnalysis> {
  const started = performance.now();
  const settings = resolveOptions(options);
  const { work, store, record, total } = await prepare(dataset, settings);
  const { metrics, counts } =
    record ??
    (await runOnCluster(settings.outputDir, work, settings, reporter(work, total, settings), () =>
      findRecord(store, work.id),
    ));
  return { metrics, counts, wasThere: record !== undefined, elapsedMs: performance.now() - started };
}

/**
 * Removes an analysis from the queue. Pass the arguments that it was started with. Running jobs finish (a running
 * merge is awaited), finished parts are kept, and {@link analyzeOnCluster} continues with them.
 *
 * @returns Whether the analysis was in the queue.
 */
export async function cancelOnCluster(dataset: ClusterDataset, options: ClusterOptions): Promise<boolean> {
  const settings = resolveOptions(options);
  const { work } = await prepare(dataset, settings);
  return cancelWork(settings.outputDir, work, settings);
}

type Settings = v.InferOutput<typeof schema>;

function resolveOptions(options: ClusterOptions): Settings {
  const settings = parseOptions('analyzeOnCluster options', schema, options);
  return { ...settings, outputDir: absoluteName(settings.outputDir) };
}

interface PreparedAnalysis {
  readonly work: WorkSpecification<AnalysisDetails>;
  readonly store: ObjectStore;
  /** The result of an earlier run, if any. */
  readonly record: AnalysisRecord | undefined;
  /** Samples of all phases together. */
  readonly total: number;
}

async function prepare(source: ClusterDataset, settings: Settings): Promise<PreparedAnalysis> {
  const { outputDir, layout, memoryBytes, partSamples, attempts, backoffMs } = settings;
  const deepSpeedParts = settings.deepSpeedParts as DeepSpeedParts;
  const recipe = datasetRecipe(source);
  const dataset = await openFromRecipe(recipe);
  const metrics = await loadMetrics(dataset, settings.metrics);
  const samples = dataset.length;
  const valueMetrics = metrics.filter(({ kind }) => kind === 'value').length;
  const plan = planAnalysis({ samples, valueMetrics, threads: 1, memoryBytes, partSamples });
  const description = describeAnalysis(dataset, metrics, {
    partSamples: plan.partSamples,
    layout,
    deepSpeedParts,
  });
  // A module's dataset belongs to the module.
  if ('files' in recipe) await dataset.close?.();
  const store = await openObjectStore(outputDir);
  const id = analysisId(description);
  const details: AnalysisDetails = {
    dataset: recipe,
    metrics: settings.metrics.map(metricRecipe),
    description,
    request: { ranges: plan.ranges, mergeBytes: plan.mergeBytes },
    needsCounts: metrics.some(({ metric }) => metric.keysOf),
  };
  return {
    store,
    record: await findRecord(store, id),
    total: samplesOfPhases(samples, metrics),
    work: {
      millrace: version,
      kind: 'analysis',
      id,
      phases: phasesOf(details),
      attempts,
      backoffMs,
      details,
    },
  };
}

/** Reports progress. The last phase is measuring, whose join merges. */
function reporter({ phases }: WorkSpecification, total: number, { onProgress }: Settings) {
  return ({ phase, isJoining, samples }: QueueState): void => {
    const all = phases[phase]!.samples;
    const isLast = phase + 1 === phases.length;
    const shown = isLast ? (isJoining ? 'merging' : 'measuring') : 'counting';
    const before = (phase + (isLast && isJoining ? 1 : 0)) * all;
    onProgress?.({ phase: shown, done: before + (!isLast && isJoining ? all : samples), total });
  };
}
