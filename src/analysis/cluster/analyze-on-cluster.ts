import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { WorkerExitError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { analysisId, describeAnalysis } from '../analysis-description.js';
import { planAnalysis } from '../analysis-plan.js';
import { type AnalysisRecord, findRecord } from '../analysis-result.js';
import { type DifficultyAnalysis, loadMetrics } from '../analyze-difficulty.js';
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
import { AnalysisQueue, type QueueState, queueSchema } from './analysis-queue.js';
import {
  absoluteName,
  type ClusterAnalysis,
  type ClusterDataset,
  datasetRecipe,
  openFromRecipe,
} from './cluster-job.js';
import { writeAnalysis } from './cluster-payload.js';
import { connectRedis } from './redis.js';

/** Options of {@link analyzeOnCluster}. */
export interface ClusterOptions
  extends Pick<
    AnalyzeDifficultyOptions,
    'outputDir' | 'metrics' | 'layout' | 'deepSpeedParts' | 'onProgress'
  > {
  /** URL of the Redis server of the queue: `redis://host:6379`. */
  readonly redis: string;
  /** Name of the queue. Each worker serves one queue. @defaultValue `'millrace-analysis'` */
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
  redis: v.pipe(v.string('must be a URL'), v.regex(/^rediss?:\/\//, 'must be a URL: redis://host:6379')),
  queue: queueSchema,
  metrics: metricsSchema,
  layout: layoutSchema,
  deepSpeedParts: deepSpeedPartsSchema,
  memoryBytes: v.optional(integerFrom(1), defaultMemoryBytes),
  partSamples: v.optional(integerFrom(1)),
  attempts: v.optional(integerFrom(1), 3),
  backoffMs: v.optional(integerFrom(0), 1_000),
  pollMs: v.optional(integerFrom(1), 1_000),
  onProgress: v.optional(v.custom<(progress: AnalysisProgress) => void>((f) => typeof f === 'function')),
  onRefusal: v.optional(v.custom<(refusal: string) => void>((f) => typeof f === 'function')),
});

/**
 * Like `analyzeDifficulty`, but on all machines that run `millrace worker` (or an {@link AnalysisClusterWorker}). The
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
  const { analysis, store, record } = await prepare(dataset, settings);
  const found = record ?? (await runAnalysis(analysis, store, settings));
  const { metrics, counts } = found;
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
  const { analysis } = await prepare(dataset, settings);
  const redis = await connectRedis(settings.redis);
  const queue = new AnalysisQueue(redis, settings.queue);
  try {
    return await queue.remove(settings.outputDir, analysis.description, analysis.request.ranges);
  } finally {
    await queue.close();
    redis.connection.disconnect();
  }
}

type Settings = v.InferOutput<typeof schema>;

function resolveOptions(options: ClusterOptions): Settings {
  const settings = parseOptions('analyzeOnCluster options', schema, options);
  return { ...settings, outputDir: absoluteName(settings.outputDir) };
}

interface PreparedAnalysis {
  readonly analysis: ClusterAnalysis;
  readonly store: ObjectStore;
  /** The result of an earlier run, if any. */
  readonly record: AnalysisRecord | undefined;
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
  return {
    store,
    record: await findRecord(store, analysisId(description)),
    analysis: {
      dataset: recipe,
      metrics: settings.metrics.map(metricRecipe),
      description,
      request: { ranges: plan.ranges, mergeBytes: plan.mergeBytes },
      needsCounts: metrics.some(({ metric }) => metric.keysOf),
      attempts,
      backoffMs,
    },
  };
}

/** Adds the analysis to the queue, unless it is there already, and waits for its result. */
async function runAnalysis(
  analysis: ClusterAnalysis,
  store: ObjectStore,
  settings: Settings,
): Promise<AnalysisRecord> {
  const redis = await connectRedis(settings.redis);
  const queue = new AnalysisQueue(redis, settings.queue);
  const { description, request } = analysis;
  const { outputDir } = settings;
  try {
    await writeAnalysis(store, analysis);
    await queue.removeFailed(outputDir, description, request.ranges);
    if ((await queue.state(outputDir, description)).phase === 'none') await queue.start(outputDir, analysis);
    const report = reporter(analysis, settings);
    for (;;) {
      const state = await queue.state(outputDir, description);
      if (state.phase === 'failed') throw failed(description.samples, state);
      report(state);
      if (state.phase === 'none') {
        const record = await findRecord(store, analysisId(description));
        if (!record) throw canceled(analysisId(description));
        return record;
      }
      await sleep(settings.pollMs);
    }
  } finally {
    await queue.close();
    redis.connection.disconnect();
  }
}

/** Reports progress, and each refusal once. */
function reporter({ description, needsCounts }: ClusterAnalysis, { onProgress, onRefusal }: Settings) {
  const { samples } = description;
  const merged = description.metrics.filter(({ kind }) => kind === 'value').length;
  const total = samples * (1 + (needsCounts ? 1 : 0) + merged);
  const reported = new Set<string>();
  return ({ phase, samples: done, refusals }: QueueState): void => {
    for (const refusal of refusals) {
      if (!reported.has(refusal)) onRefusal?.(refusal);
      reported.add(refusal);
    }
    if (phase === 'none' || phase === 'failed') return;
    const phasesBefore = { counting: 0, measuring: needsCounts ? 1 : 0, merging: needsCounts ? 2 : 1 };
    onProgress?.({ phase, done: phasesBefore[phase] * samples + done, total });
  };
}

function failed(samples: number, { reason = 'the reason is not known' }: QueueState): WorkerExitError {
  return new WorkerExitError(`The analysis failed on the cluster: ${reason}`, {
    where: { samples },
    next: 'Fix the cause and run it again: finished parts are kept.',
  });
}

function canceled(id: string): WorkerExitError {
  return new WorkerExitError(
    'The analysis left the queue unfinished: it was canceled, or Redis lost its data',
    {
      where: { analysis: id },
      next: 'Run it again to continue: finished parts are kept.',
    },
  );
}
