import { hostname } from 'node:os';
import type { Job, Worker } from 'bullmq';
import * as v from 'valibot';
import { integerFrom, parseOptions } from '../../core/options.js';
import { type Recipe, recipeOf } from '../../core/recipe.js';
import { type ObjectStore, openObjectStore } from '../../storage/object-store.js';
import { checkDescription, describeAnalysis } from '../analysis-description.js';
import { findRecord, writeRecord } from '../analysis-result.js';
import { loadMetric } from '../metric-source.js';
import { type OnSamples, RangeWork } from '../range-work.js';
import { AnalysisWorker } from '../workers/analysis-worker.js';
import type { AnalysisSetup } from '../workers/protocol.js';
import { AnalysisQueue, defaultQueue, type JobProgress } from './analysis-queue.js';
import {
  type ClusterAnalysis,
  type ClusterJobData,
  type ClusterJobName,
  lineOf,
  openFromRecipe,
  readAnalysis,
} from './cluster-job.js';
import { connectRedis, type RedisQueueing } from './redis.js';

/** What a worker tells of its work. */
export type ClusterWorkerEvent =
  | { readonly type: 'started' | 'done'; readonly job: string }
  | { readonly type: 'failed'; readonly job: string; readonly reason: string };

export interface ClusterWorkerOptions {
  /** URL of the Redis server of the queue: `redis://host:6379`. */
  readonly redis: string;
  /** Name of the queue. @defaultValue `'millrace-analysis'` */
  readonly queue?: string;
  /** Threads, each with a job. @defaultValue `2` */
  readonly numWorkers?: number;
  /** After how long without a sign of life the jobs of a worker are given to another one, in milliseconds. @defaultValue `30_000` */
  readonly lockMs?: number;
  readonly onEvent?: (event: ClusterWorkerEvent) => void;
}

const schema = v.strictObject({
  redis: v.pipe(v.string('must be a URL'), v.regex(/^rediss?:\/\//, 'must be a URL: redis://host:6379')),
  queue: v.optional(v.string(), defaultQueue),
  numWorkers: v.optional(integerFrom(1), 2),
  lockMs: v.optional(integerFrom(100), 30_000),
  onEvent: v.optional(v.custom<(event: ClusterWorkerEvent) => void>((f) => typeof f === 'function')),
});

/** A job may be taken over so often: each time a worker died, which says nothing of the job. */
const mostTakeovers = 100;
const refusedAgainAfterMs = 500;
const reportEveryMs = 500;

/**
 * Works on the jobs of analyses. All work is done in threads, so that this one can always say that it is alive.
 *
 * It refuses an analysis that it cannot open, or that was started with another version of Millrace, another dataset or another metric than
 * it has itself: the job goes back to the queue, and the worker ends.
 */
export class AnalysisClusterWorker {
  readonly #settings: v.InferOutput<typeof schema>;
  readonly #redis: RedisQueueing;
  readonly #queue: AnalysisQueue;
  readonly #worker: Worker;
  readonly #analyses = new Map<string, Promise<OpenedAnalysis | undefined>>();
  readonly #name = `${hostname()}:${process.pid}`;
  #refusal: unknown;
  #end: (() => void) | undefined;
  /** Settles when the worker ends: rejects when it refused an analysis, with the reason: {@link StateMismatchError}, or what the
   * dataset, the metric or the store threw. */
  readonly ended: Promise<void>;

  private constructor(settings: v.InferOutput<typeof schema>, redis: RedisQueueing) {
    this.#settings = settings;
    this.#redis = redis;
    this.#queue = new AnalysisQueue(redis, settings.queue);
    this.ended = new Promise((resolve, reject) => {
      this.#end = () => (this.#refusal ? reject(this.#refusal) : resolve());
    });
    // Whoever waits for the end is told.
    this.ended.catch(() => {});
    this.#worker = new redis.bull.Worker(settings.queue, (job, token) => this.#work(job, token), {
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
    const { place, id } = job.data as ClusterJobData;
    this.#settings.onEvent?.({ type: 'started', job: job.name });
    const analysis = await this.#analysis(place, id).catch((error) => this.#refuse(job, token, error));
    // It was taken over from a worker that died when all but the last word was said.
    if (!analysis) return;
    try {
      await this.#run(job, analysis);
    } catch (error) {
      const reason = lineOf(error);
      this.#settings.onEvent?.({ type: 'failed', job: job.name, reason });
      throw new Error(reason, { cause: error });
    }
    this.#settings.onEvent?.({ type: 'done', job: job.name });
  }

  async #run(job: Job, analysis: OpenedAnalysis): Promise<void> {
    const { place, id, range } = job.data as ClusterJobData;
    const name = job.name as ClusterJobName;
    const { request } = analysis.specification;
    const onSamples = progressOf(job);
    if (name === 'count' || name === 'map') await analysis.use((thread) => thread[name](range!, onSamples));
    else if (name === 'merge-counts') {
      await analysis.use((thread) => thread.mergeCounts(request.ranges));
      await this.#queue.goOnFromCounts(place, analysis.specification);
    } else {
      await analysis.reduce(onSamples);
      this.#forget(place, id);
    }
  }

  /** Gives a job back, says why, and ends. */
  async #refuse(job: Job, token: string | undefined, error: unknown): Promise<never> {
    const progress: JobProgress = { refusal: `${this.#name}: ${lineOf(error)}` };
    await job.updateProgress({ ...progress });
    await job.moveToDelayed(Date.now() + refusedAgainAfterMs, token);
    if (!this.#refusal) {
      this.#refusal = error;
      // This job must have ended first.
      setImmediate(() => void this.close().catch(() => this.#end?.()));
    }
    throw new this.#redis.bull.DelayedError();
  }

  #analysis(place: string, id: string): Promise<OpenedAnalysis | undefined> {
    const known = this.#analyses.get(`${place} ${id}`);
    if (known) return known;
    // Threads of earlier analyses that have nothing to do go; they are made again if a job of theirs comes.
    for (const other of this.#analyses.values()) other.then((analysis) => analysis?.close()).catch(() => {});
    const opened = OpenedAnalysis.open(place, id);
    this.#analyses.set(`${place} ${id}`, opened);
    // A failure may pass, and an analysis that is done may be done again.
    opened.then(
      (analysis) => analysis ?? this.#forget(place, id),
      () => this.#forget(place, id),
    );
    return opened;
  }

  #forget(place: string, id: string): void {
    this.#analyses.delete(`${place} ${id}`);
  }
}

/** An analysis as this machine has opened it, with threads that work on it. */
class OpenedAnalysis {
  readonly specification: ClusterAnalysis;
  readonly #store: ObjectStore;
  readonly #setup: AnalysisSetup;
  readonly #idle: AnalysisWorker[] = [];
  #threads = 0;

  private constructor(specification: ClusterAnalysis, store: ObjectStore, setup: AnalysisSetup) {
    this.specification = specification;
    this.#store = store;
    this.#setup = setup;
  }

  /**
   * @returns `undefined` when the analysis is done
   * @throws {@link StateMismatchError} when this machine has another version, dataset or metric.
   */
  static async open(place: string, id: string): Promise<OpenedAnalysis | undefined> {
    const store = await openObjectStore(place);
    if (await findRecord(store, id)) return undefined;
    const specification = await readAnalysis(store, id);
    const { description } = specification;
    const dataset = await openFromRecipe(specification.dataset);
    const metrics = await Promise.all(specification.metrics.map(loadMetric));
    checkDescription(description, describeAnalysis(dataset, metrics, description));
    const isFiles = 'files' in specification.dataset;
    const recipe = isFiles ? recipeOf(dataset, 'dataset') : (specification.dataset as Recipe);
    if (isFiles) await dataset.close?.();
    return new OpenedAnalysis(specification, store, {
      dataset: recipe,
      metrics: specification.metrics,
      place,
      description,
      wholeValues: description.layout !== 'native',
    });
  }

  /** Works in a thread that has nothing else to do. */
  async use<R>(work: (thread: AnalysisWorker) => Promise<R>): Promise<R> {
    const thread = this.#idle.pop() ?? new AnalysisWorker(this.#setup, this.#threads++);
    try {
      return await work(thread);
    } finally {
      if (thread.hasFailed) await thread.close();
      else this.#idle.push(thread);
    }
  }

  /** Puts the parts together, says that all is done, and clears up. */
  async reduce(onSamples: OnSamples): Promise<void> {
    const { description, request } = this.specification;
    const reduced = await this.use((thread) => thread.reduce(request, onSamples));
    await writeRecord(this.#store, { description, ...reduced });
    await this.#store.remove(`${RangeWork.folder(description)}/`);
    await this.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.close()));
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
