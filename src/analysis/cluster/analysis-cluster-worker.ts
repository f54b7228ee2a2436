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

/** What a worker tells of its work. */
export type ClusterWorkerEvent =
  | { readonly type: 'started' | 'done'; readonly job: string }
  /** `refused`: this worker cannot do the jobs of an analysis, and gives them back. It says so once for each reason. */
  | { readonly type: 'failed' | 'refused'; readonly job: string; readonly reason: string };

export interface ClusterWorkerOptions {
  /** URL of the Redis server of the queue: `redis://host:6379`. */
  readonly redis: string;
  /** Name of the queue. @defaultValue `'millrace-analysis'` */
  readonly queue?: string;
  /**
   * Modules of datasets and metrics that an analysis may name: paths of files, of folders (with everything in them), or patterns of paths.
   * An analysis that names another module is refused. @defaultValue none
   */
  readonly allow?: readonly string[];
  /** Threads, each with a job. @defaultValue `2` */
  readonly numWorkers?: number;
  /** After how long without a sign of life the jobs of a worker are given to another one, in milliseconds. @defaultValue `30_000` */
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

/** A job may be taken over so often: each time a worker died, which says nothing of the job. */
const mostTakeovers = 100;
/** A job that every worker has refused, and that was refused this often in total, is set aside. */
const mostRefusals = 30;
const firstPauseMs = 250;
const longestPauseMs = 4_000;
/** A worker that refused a job takes no other for so long, while another worker may do it. */
const stepBackMs = 1_000;
/** An analysis that could not be opened is not opened again for so long. */
const failureKeptMs = 2_000;
const reportEveryMs = 500;

let workers = 0;

/**
 * Works on the jobs of analyses. All work is done in threads, so that this one can always say that it is alive.
 *
 * It refuses an analysis that it cannot open, that names a module which is not allowed, or that was started with another version of
 * Millrace, another dataset or another metric than it has itself. It gives the job back for others to take, and works on other analyses. A
 * job that every worker of the queue has refused is set aside: it fails with their reasons, and so does its analysis.
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
  /** Settles when the worker has ended. */
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
    // A lost connection: BullMQ goes on when it is back.
    this.#worker.on('error', () => {});
  }

  /** @throws {@link ConfigError}, {@link MissingPeerError} without bullmq and ioredis, {@link StorageError} when Redis does not answer. */
  static async start(options: ClusterWorkerOptions): Promise<AnalysisClusterWorker> {
    const settings = parseOptions('AnalysisClusterWorker options', schema, options);
    return new AnalysisClusterWorker(settings, await connectRedis(settings.redis));
  }

  /** Finishes the jobs under way and ends. */
  async close(): Promise<void> {
    await this.#worker.close();
    await this.#queue.close();
    for (const analysis of this.#analyses.values()) await (await analysis.catch(() => undefined))?.close();
    this.#redis.connection.disconnect();
    this.#end?.();
  }

  async #work(job: Job, token: string | undefined): Promise<void> {
    const opened = await this.#open(job).catch((error) => this.#refuse(job, token, error));
    // It was taken over from a worker that died when all but the last word was said.
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
      await this.#queue.goOnFromCounts(data.place, specification);
    } else {
      await analysis.reduce(onSamples);
      this.#forget(data);
    }
  }

  /** Gives a job back with the reason, for another worker to take; sets it aside when no worker can do it. */
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
    // Leaves the jobs to workers that may be able to do them.
    if (!isRefusedByAll) await sleep(stepBackMs);
    throw new this.#redis.bull.DelayedError();
  }

  #analysis({ place, id }: ClusterJobData): Promise<OpenedAnalysis | undefined> {
    const known = this.#analyses.get(`${place} ${id}`);
    if (known) return known;
    // Threads of earlier analyses that have nothing to do go; they are made again if a job of theirs comes.
    for (const other of this.#analyses.values()) other.then((analysis) => analysis?.close()).catch(() => {});
    const opened = OpenedAnalysis.open(place, id, this.#allowed);
    this.#analyses.set(`${place} ${id}`, opened);
    // A failure may pass, and an analysis that is done may be done again.
    opened.then(
      (analysis) => analysis ?? this.#forget({ place, id }),
      () => setTimeout(() => this.#forget({ place, id }), failureKeptMs).unref(),
    );
    return opened;
  }

  #forget({ place, id }: ClusterJobData): void {
    this.#analyses.delete(`${place} ${id}`);
  }
}

/** Puts the samples of a job into its progress, now and then. */
function progressOf(job: Job): OnSamples {
  let samples = 0;
  let said = performance.now();
  return (more) => {
    samples += more;
    if (performance.now() - said < reportEveryMs) return;
    said = performance.now();
    // What is said of progress may get lost.
    void job.updateProgress({ samples }).catch(() => {});
  };
}
