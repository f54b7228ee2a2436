import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Worker } from 'bullmq';
import * as v from 'valibot';
import { FormatError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { OnPartProgress } from '../progress-count.js';
import { AllowedModules } from './allowed-modules.js';
import { lineOf } from './error-line.js';
import { OpenedWork } from './opened-work.js';
import { connectRedis, type RedisQueueing, redisSchema } from './redis.js';
import type { WorkKind } from './work-kind.js';
import { checkPart, readJob, readProgress } from './work-payload.js';
import { queueSchema, WorkQueue } from './work-queue.js';
import type { JobData } from './work-specification.js';

/** An event of a worker. */
export type ClusterWorkerEvent =
  | { readonly type: 'started' | 'done'; readonly job: string }
  /** `refused`: this worker cannot do the jobs of some work and returns them. Emitted once per reason. */
  | { readonly type: 'failed' | 'refused'; readonly job: string; readonly reason: string };

export interface ClusterWorkerOptions {
  /** URL of the Redis server of the queue: `redis://host:6379`. */
  readonly redis: string;
  /** Name of the queue. @defaultValue `'millrace'` */
  readonly queue?: string;
  /**
   * Modules of datasets, metrics, tokenizers and functions that a job may name: paths of files or folders (with everything in them),
   * or patterns of paths. The worker refuses a job that names another module. @defaultValue none
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
  redis: redisSchema,
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
/** How long a failure to open work is remembered. */
const failureKeptMs = 2_000;
const reportEveryMs = 500;

let workers = 0;

/**
 * Does the jobs of a queue, of all kinds of work it is given. All work runs in threads, so that this thread can always
 * send heartbeats.
 *
 * Refuses work that it cannot open, that names a module which is not allowed, or whose version of Millrace, data or
 * modules differ from its own. It returns such a job to the queue and does jobs of other work. If every worker of the
 * queue has refused a job, the job and its work fail with their reasons.
 */
export class WorkRunner {
  readonly #settings: v.InferOutput<typeof schema>;
  readonly #kinds: ReadonlyMap<string, WorkKind>;
  readonly #allowed: AllowedModules;
  readonly #redis: RedisQueueing;
  readonly #queue: WorkQueue;
  readonly #worker: Worker;
  readonly #opened = new Map<string, Promise<OpenedWork | undefined>>();
  readonly #name = `${hostname().replaceAll(/[^\w.-]/g, '-')}:${process.pid}:${workers++}`;
  readonly #refused = new Set<string>();
  #end: (() => void) | undefined;
  /** Resolves when the worker has closed. */
  readonly ended: Promise<void>;

  private constructor(
    settings: v.InferOutput<typeof schema>,
    kinds: ReadonlyMap<string, WorkKind>,
    redis: RedisQueueing,
  ) {
    this.#settings = settings;
    this.#kinds = kinds;
    this.#allowed = new AllowedModules(settings.allow);
    this.#redis = redis;
    this.#queue = new WorkQueue(redis, settings.queue);
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
  static async start(
    options: ClusterWorkerOptions,
    kinds: ReadonlyMap<string, WorkKind>,
  ): Promise<WorkRunner> {
    const settings = parseOptions('ClusterWorker options', schema, options);
    return new WorkRunner(settings, kinds, await connectRedis(settings.redis));
  }

  /** Finishes the current jobs and closes the worker. */
  async close(): Promise<void> {
    await this.#worker.close();
    await this.#queue.close();
    for (const work of this.#opened.values()) await (await work.catch(() => undefined))?.close();
    this.#redis.connection.disconnect();
    this.#end?.();
  }

  async #work(job: Job, token: string | undefined): Promise<void> {
    const opened = await this.#open(job).catch((error) => this.#refuse(job, token, error));
    // The worker that had this job finished the work, but died before it could report that.
    if (!opened) return;
    const { name } = opened;
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

  async #open(
    job: Job,
  ): Promise<{ readonly name: string; readonly data: JobData; readonly work: OpenedWork } | undefined> {
    const data = readJob(job.data);
    const work = await this.#opening(data);
    if (!work) return undefined;
    checkPart(work.specification, data);
    const { partJob, joinJob } = work.specification.phases[data.phase]!;
    return { name: data.part === undefined ? joinJob : partJob, data, work };
  }

  async #run(job: Job, { data, work }: { readonly data: JobData; readonly work: OpenedWork }): Promise<void> {
    const { phase, part, store } = data;
    await work.run({ phase, part }, progressOf(job));
    if (part !== undefined) return;
    const { specification } = work;
    await this.#queue.continueAfter(store, specification, phase);
    if (phase + 1 < specification.phases.length) return;
    this.#forget(data);
    await work.close();
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

  #opening(data: JobData): Promise<OpenedWork | undefined> {
    const key = keyOf(data);
    const known = this.#opened.get(key);
    if (known) return known;
    // Close idle threads of other work; they start again if another job of theirs arrives.
    for (const other of this.#opened.values()) other.then((work) => work?.close()).catch(() => {});
    const kind = this.#kinds.get(data.kind);
    const opened = kind ? OpenedWork.open(data, kind, this.#allowed) : Promise.reject(unknownKind(data.kind));
    this.#opened.set(key, opened);
    // Forget failures, which may be temporary, and finished work, which may run again.
    opened.then(
      (work) => work ?? this.#forget(data),
      () => setTimeout(() => this.#forget(data), failureKeptMs).unref(),
    );
    return opened;
  }

  #forget(data: JobData): void {
    this.#opened.delete(keyOf(data));
  }
}

function keyOf({ kind, store, id }: JobData): string {
  return `${kind} ${store} ${id}`;
}

function unknownKind(kind: string): FormatError {
  return new FormatError(`The job is of a kind of work that this worker does not know: ${kind}`, {
    where: { kind },
    next: 'Give every machine the same version of Millrace.',
  });
}

/** Reports the samples of a job at intervals, as its progress. */
function progressOf(job: Job): OnPartProgress {
  let samples = 0;
  let reported = performance.now();
  return ({ samples: more }) => {
    samples += more;
    if (performance.now() - reported < reportEveryMs) return;
    reported = performance.now();
    // Lost progress reports do no harm.
    void job.updateProgress({ samples: Math.floor(samples) }).catch(() => {});
  };
}
