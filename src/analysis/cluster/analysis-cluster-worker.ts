import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Worker } from 'bullmq';
import * as v from 'valibot';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { OnSamples } from '../range-work.js';
import { AllowedModules } from './allowed-modules.js';
import { AnalysisQueue, queueSchema } from './analysis-queue.js';
import { type ClusterJobData, lineOf } from './cluster-job.js';
import { type ClusterJob, rangeOf, readJob, readProgress } from './cluster-payload.js';
import { OpenedAnalysis } from './opened-analysis.js';
import { connectRedis, type RedisQueueing } from './redis.js';

/** An event of a worker. */
export type ClusterWorkerEvent =
  | { readonly type: 'started' | 'done'; readonly job: string }
  /** `refused`: this worker cannot do the jobs of an analysis and returns them. Emitted once per reason. */
  | { readonly type: 'failed' | 'refused'; readonly job: string; readonly reason: string };

export interface ClusterWorkerOptions {
  /** URL of the Redis server of the queue: `redis://host:6379`. */
  readonly redis: string;
  /** Name of the queue. @defaultValue `'millrace-analysis'` */
  readonly queue?: string;
  /**
   * Modules of datasets and metrics that an analysis may name: paths of files or folders (with everything in them),
   * or patterns of paths. The worker refuses an analysis that names another module. @defaultValue none
   */
  readonly allow?: readonly string[];
  /** Number of threads, each of which runs one job. @defaultValue `2` */
  readonly numWorkers?: number;
  /**
   * Time without a heartbeat after which other workers take over this worker's jobs, in milliseconds. @defaultValue
   * `30_000`
   */
  readonly lockMs?: number;
  readonly onEvent?: (event: ClusterWorkerEvent) => void;
}

const schema = v.strictObject({
  redis: v.pipe(v.string('must be a URL'), v.regex(/^rediss?:\/\//, 'must be a URL: redis://host:6379')),
  queue: queueSchema,
  allow: v.optional(
    v.array(v.pipe(v.string(), v.nonEmpty('must not be empty')), 'must be a list of paths'),
    [],
  ),
  numWorkers: v.optional(integerFrom(1), 2),
  lockMs: v.optional(integerFrom(100), 30_000),
  onEvent: v.optional(v.custom<(event: ClusterWorkerEvent) => void>((f) => typeof f === 'function')),
});

/**
 * Maximum number of takeovers of a job. A takeover means that a worker died, which need not be the fault of the job.
 */
const mostTakeovers = 100;
/** A job that every worker has refused, and that was refused this often in total, fails. */
const mostRefusals = 30;
const firstPauseMs = 250;
const longestPauseMs = 4_000;
/** How long a worker that refused a job takes no other, if another worker may be able to do it. */
const stepBackMs = 1_000;
/** How long a failure to open an analysis is remembered. */
const failureKeptMs = 2_000;
const reportEveryMs = 500;

let workers = 0;

/**
 * Runs the jobs of queued analyses. All work runs in threads, so that this thread can always send heartbeats.
 *
 * Refuses an analysis that it cannot open, that names a module which is not allowed, or whose version of Millrace,
 * dataset or metric differs from its own. It returns such a job to the queue and works on other analyses. If every
 * worker of the queue has refused a job, the job and its analysis fail with their reasons.
 */
export class AnalysisClusterWorker {
  readonly #settings: v.InferOutput<typeof schema>;
  readonly #allowed: AllowedModules;
  readonly #redis: RedisQueueing;
  readonly #queue: AnalysisQueue;
  readonly #worker: Worker;
  readonly #analyses = new Map<string, Promise<OpenedAnalysis | undefined>>();
  readonly #name = `${hostname().replaceAll(/[^\w.-]/g, '-')}:${process.pid}:${workers++}`;
  readonly #refused = new Set<string>();
  #end: (() => void) | undefined;
  /** Resolves when the worker has closed. */
  readonly ended: Promise<void>;

  private constructor(settings: v.InferOutput<typeof schema>, redis: RedisQueueing) {
    this.#settings = settings;
    this.#allowed = new AllowedModules(settings.allow);
    this.#redis = redis;
    this.#queue = new AnalysisQueue(redis, settings.queue);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#worker = new redis.bull.Worker(settings.queue, (job, token) => this.#work(job, token), {
      name: this.#name,
      connection: redis.connection,
      concurrency: settings.numWorkers,
      lockDuration: settings.lockMs,
      stalledInterval: Math.ceil(settings.lockMs / 2),
      maxStalledCount: mostTakeovers,
    });
    // A lost connection: BullMQ continues when it is restored.
    this.#worker.on('error', () => {});
  }

  /**
   * @throws {@link ConfigError} for invalid options, {@link MissingPeerError} without bullmq and ioredis, {@link
   *   StorageError} if Redis does not answer.
   */
  static async start(options: ClusterWorkerOptions): Promise<AnalysisClusterWorker> {
    const settings = parseOptions('AnalysisClusterWorker options', schema, options);
    return new AnalysisClusterWorker(settings, await connectRedis(settings.redis));
  }

  /** Finishes the current jobs and closes the worker. */
  async close(): Promise<void> {
    await this.#worker.close();
    await this.#queue.close();
    for (const analysis of this.#analyses.values()) await (await analysis.catch(() => undefined))?.close();
    this.#redis.connection.disconnect();
    this.#end?.();
  }

  async #work(job: Job, token: string | undefined): Promise<void> {
    const opened = await this.#open(job).catch((error) => this.#refuse(job, token, error));
    // The worker that had this job finished the analysis, but died before it could report that.
    if (!opened) return;
    const { name } = opened.job;
    this.#settings.onEvent?.({ type: 'started', job: name });
    try {
      await this.#run(job, opened);
    } catch (error) {
      const reason = lineOf(error);
      this.#settings.onEvent?.({ type: 'failed', job: name, reason });
      throw new Error(reason, { cause: error });
    }
    this.#settings.onEvent?.({ type: 'done', job: name });
  }

  async #open(bullJob: Job): Promise<{ job: ClusterJob; analysis: OpenedAnalysis } | undefined> {
    const job = readJob(bullJob);
    const analysis = await this.#analysis(job.data);
    if (!analysis) return undefined;
    if (job.name === 'count' || job.name === 'map') rangeOf(analysis.specification, job.data);
    return { job, analysis };
  }

  async #run(bullJob: Job, { job, analysis }: { job: ClusterJob; analysis: OpenedAnalysis }): Promise<void> {
    const { name, data } = job;
    const { specification } = analysis;
    const onSamples = progressOf(bullJob);
    if (name === 'count' || name === 'map') {
      const range = rangeOf(specification, data);
      await analysis.use((thread) => thread[name](range, onSamples));
    } else if (name === 'merge-counts') {
      await analysis.use((thread) => thread.mergeCounts(specification.request.ranges));
      await this.#queue.continueAfterCounts(data.outputDir, specification);
    } else {
      await analysis.reduce(onSamples);
      this.#forget(data);
    }
  }

  /** Returns a job to the queue with the reason. If no worker can do it, the job fails. */
  async #refuse(job: Job, token: string | undefined, error: unknown): Promise<never> {
    const reason = lineOf(error);
    const before = readProgress(job.progress);
    const refused = (before.refused ?? 0) + 1;
    const others = (before.refusals ?? []).filter(({ worker }) => worker !== this.#name);
    const refusals = [...others, { worker: this.#name, reason }];
    await job.updateProgress({ refused, refusals });
    const isRefusedByAll = await this.#queue.isRefusedByAll(refusals);
    if (refused >= mostRefusals && isRefusedByAll) {
      const text = `No worker can do it. ${refusals.map((each) => `${each.worker}: ${each.reason}`).join(' ')}`;
      this.#settings.onEvent?.({ type: 'failed', job: job.name, reason: text });
      throw new this.#redis.bull.UnrecoverableError(text);
    }
    if (!this.#refused.has(reason)) {
      this.#refused.add(reason);
      this.#settings.onEvent?.({ type: 'refused', job: job.name, reason });
    }
    const pause = isRefusedByAll ? Math.min(longestPauseMs, firstPauseMs * 2 ** (refused - 1)) : firstPauseMs;
    await job.moveToDelayed(Date.now() + pause, token);
    // Leave the jobs to workers that may be able to do them.
    if (!isRefusedByAll) await sleep(stepBackMs);
    throw new this.#redis.bull.DelayedError();
  }

  #analysis({ outputDir, id }: ClusterJobData): Promise<OpenedAnalysis | undefined> {
    const known = this.#analyses.get(`${outputDir} ${id}`);
    if (known) return known;
    // Close idle threads of other analyses; they start again if another job of theirs arrives.
    for (const other of this.#analyses.values()) other.then((analysis) => analysis?.close()).catch(() => {});
    const opened = OpenedAnalysis.open(outputDir, id, this.#allowed);
    this.#analyses.set(`${outputDir} ${id}`, opened);
    // Forget failures, which may be temporary, and finished analyses, which may run again.
    opened.then(
      (analysis) => analysis ?? this.#forget({ outputDir, id }),
      () => setTimeout(() => this.#forget({ outputDir, id }), failureKeptMs).unref(),
    );
    return opened;
  }

  #forget({ outputDir, id }: ClusterJobData): void {
    this.#analyses.delete(`${outputDir} ${id}`);
  }
}

/** Reports the measured samples of a job at intervals, as its progress. */
function progressOf(job: Job): OnSamples {
  let samples = 0;
  let reported = performance.now();
  return (more) => {
    samples += more;
    if (performance.now() - reported < reportEveryMs) return;
    reported = performance.now();
    // Lost progress reports do no harm.
    void job.updateProgress({ samples }).catch(() => {});
  };
}
