import { setTimeout as sleep } from 'node:timers/promises';
import type { FlowJob, FlowProducer, Job, JobsOptions, Queue } from 'bullmq';
import * as v from 'valibot';
import { fingerprint } from '../../core/fingerprint.js';
import type { RedisQueueing } from './redis.js';
import { type Refusal, readProgress } from './work-payload.js';
import type { JobData, WorkSpecification } from './work-specification.js';

/** Default name of the queue. */
const defaultQueue = 'millrace';

/** BullMQ puts the name into the keys of Redis and reserves the colon. */
export const queueSchema = v.optional(
  v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'must be letters, digits, _, - and .')),
  defaultQueue,
);

/** State of long work. */
export interface QueueState {
  /** `none`: not in the queue. */
  readonly status: 'none' | 'running' | 'failed';
  /** Number of the phase that runs. */
  readonly phase: number;
  /** Whether the parts of the phase are made and being joined. */
  readonly isJoining: boolean;
  /** Finished samples of the phase, or of its join, including those of running jobs. */
  readonly samples: number;
  /** Why the work failed. */
  readonly reason?: string;
  /** Workers that refused jobs, with their reasons. */
  readonly refusals: readonly string[];
}

/** Maximum number of jobs whose progress and failures are read. */
const mostJobsRead = 1_000;
const removedAtOnce = 500;
/** Interval between checks whether a running job has ended. */
const checkIntervalMs = 50;

/**
 * The jobs of long work in BullMQ. A job's id is a function of the work, its store, the phase and the part, so adding a
 * job twice adds it once. Each phase is a flow: a parent that joins, and a child for each part.
 */
export class WorkQueue {
  readonly #queue: Queue;
  readonly #flows: FlowProducer;
  readonly #name: string;

  constructor({ bull, connection }: RedisQueueing, name: string) {
    this.#name = name;
    this.#queue = new bull.Queue(name, { connection });
    this.#flows = new bull.FlowProducer({ connection });
    // A lost connection: commands wait until it is back.
    this.#queue.on('error', () => {});
    this.#flows.on('error', () => {});
  }

  /** Adds the jobs of the first phase. */
  start(store: string, work: WorkSpecification): Promise<void> {
    return this.#addPhase(store, work, 0);
  }

  /** Adds the jobs of the next phase, if there is one and the work has not been removed. */
  async continueAfter(store: string, work: WorkSpecification, phase: number): Promise<void> {
    if (phase + 1 === work.phases.length) return;
    if (await this.#queue.getJob(jobId(jobPrefix(store, work.id), phase)))
      await this.#addPhase(store, work, phase + 1);
  }

  async state(store: string, work: WorkSpecification): Promise<QueueState> {
    const id = jobPrefix(store, work.id);
    const refusals = await this.#refusals(id);
    const running = await this.#parent(id, work);
    const at = { phase: running?.phase ?? 0, isJoining: false, samples: 0, refusals };
    if (!running) return { ...at, status: 'none' };
    const { parent, phase } = running;
    const state = await parent.getState();
    if (state === 'failed') return { ...at, status: 'failed', reason: await this.#reason(id, parent) };
    if (state !== 'waiting-children') {
      const isDone = state === 'completed' && phase + 1 === work.phases.length;
      const samples = readProgress(parent.progress).samples ?? 0;
      return { ...at, status: isDone ? 'none' : 'running', isJoining: true, samples };
    }
    const failedChild = (await this.#failed(id))[0];
    if (failedChild) return { ...at, status: 'failed', reason: failedChild.failedReason };
    const { processed = 0 } = await parent.getDependenciesCount({ processed: true });
    const { samples: all, partSamples } = work.phases[phase]!;
    const samples = Math.min(all, processed * partSamples + (await this.#running(id)));
    return { ...at, status: 'running', samples };
  }

  /**
   * Removes all jobs of the work from the queue. Active jobs finish: their parts are kept, and jobs that a join adds are
   * removed too.
   *
   * @returns Whether the work was in the queue.
   */
  async remove(store: string, work: WorkSpecification): Promise<boolean> {
    const id = jobPrefix(store, work.id);
    let wasQueued = false;
    for (let next = await this.#parent(id, work); next; next = await this.#parent(id, work)) {
      wasQueued = true;
      await this.#removeFlow(id, next.parent, work);
    }
    await this.#removeFailed(id);
    return wasQueued;
  }

  /** Removes failed work, and any of its jobs that failed later: a new run would wait for them in vain. */
  async removeFailed(store: string, work: WorkSpecification): Promise<void> {
    const id = jobPrefix(store, work.id);
    while ((await this.state(store, work)).status === 'failed') {
      const running = await this.#parent(id, work);
      if (running) await this.#removeFlow(id, running.parent, work);
    }
    await this.#removeFailed(id);
  }

  /**
   * Removes a parent with its children. If children are active, removes the parent first, because it would start when
   * its last child is removed.
   */
  async #removeFlow(id: string, parent: Job, { phases }: WorkSpecification): Promise<void> {
    if (await this.#remove(parent.id!)) return;
    if (await this.#remove(parent.id!, false)) {
      const ids = phases.flatMap(({ parts }, phase) =>
        Array.from({ length: parts }, (_, part) => jobId(id, phase, part)),
      );
      for (let start = 0; start < ids.length; start += removedAtOnce)
        await Promise.all(ids.slice(start, start + removedAtOnce).map((each) => this.#remove(each)));
      return;
    }
    await sleep(checkIntervalMs);
  }

  /** @returns Whether the job was removed. Active jobs, and parents of active jobs, cannot be removed. */
  async #remove(id: string, removeChildren = true): Promise<boolean> {
    return (await this.#queue.remove(id, { removeChildren })) === 1;
  }

  /** Whether every connected worker of the queue has refused a job. */
  async isRefusedByAll(refusals: readonly Refusal[]): Promise<boolean> {
    // Some Redis services do not list clients; then no other worker is known.
    const clients = await this.#queue.getWorkers().catch(() => []);
    const names = clients.map(({ rawname = '' }) => rawname.split(':w:')[1] ?? '');
    return names.every((name) => refusals.some(({ worker }) => worker === name));
  }

  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#flows.close()]);
  }

  async #addPhase(
    store: string,
    { kind, id, phases, attempts, backoffMs }: WorkSpecification,
    phase: number,
  ): Promise<void> {
    const { partJob, joinJob, parts } = phases[phase]!;
    const job = (part?: number): FlowJob => {
      const data: JobData = { kind, store, id, phase, ...(part !== undefined && { part }) };
      const opts: JobsOptions = {
        jobId: jobId(jobPrefix(store, id), phase, part),
        attempts,
        backoff: { type: 'exponential', delay: backoffMs },
        removeOnComplete: true,
        ...(part !== undefined && { failParentOnFailure: true }),
      };
      const name = part === undefined ? joinJob : partJob;
      return { name, queueName: this.#name, data, opts: opts as NonNullable<FlowJob['opts']> };
    };
    await this.#flows.add({ ...job(), children: Array.from({ length: parts }, (_, part) => job(part)) });
  }

  /** The job that waits for all others of the phase that runs. */
  async #parent(id: string, { phases }: WorkSpecification) {
    let found: { readonly parent: Job; readonly phase: number } | undefined;
    // Read in this order: a join ends after it has added the next phase.
    for (const phase of phases.keys()) {
      const parent = await this.#queue.getJob(jobId(id, phase));
      if (parent) found = { parent, phase };
    }
    return found;
  }

  async #removeFailed(id: string): Promise<void> {
    for (const job of await this.#failed(id)) await this.#remove(job.id!);
  }

  /** Finished samples of the active jobs. */
  async #running(id: string): Promise<number> {
    const active = await this.#queue.getActive(0, mostJobsRead);
    return active
      .filter((job) => job?.id?.startsWith(id))
      .reduce((sum, { progress }) => sum + (readProgress(progress).samples ?? 0), 0);
  }

  async #refusals(id: string): Promise<string[]> {
    const delayed = await this.#queue.getDelayed(0, mostJobsRead);
    return delayed
      .filter((job) => job?.id?.startsWith(id))
      .flatMap(({ progress }) => readProgress(progress).refusals ?? [])
      .map(({ worker, reason }) => `${worker}: ${reason}`);
  }

  /** The reason of the child that failed: a failed parent only reports that a child failed. */
  async #reason(id: string, parent: Job): Promise<string> {
    const failed = await this.#failed(id);
    return (failed.find((job) => job.id !== parent.id) ?? parent).failedReason;
  }

  /** Jobs of the work that have used all their attempts. */
  async #failed(id: string): Promise<Job[]> {
    const failed = await this.#queue.getFailed(0, mostJobsRead);
    return failed.filter((job) => job?.id?.startsWith(id));
  }
}

/** Prefix of the job ids of long work. Includes the store, so each location is separate work. */
function jobPrefix(store: string, id: string): string {
  return fingerprint({ store, id });
}

/** BullMQ reserves the colon. */
function jobId(id: string, phase: number, part?: number): string {
  return [id, phase, part ?? 'join'].join('-');
}
