import { setTimeout as sleep } from 'node:timers/promises';
import type { FlowJob, FlowProducer, Job, JobsOptions, Queue } from 'bullmq';
import * as v from 'valibot';
import { fingerprint } from '../../core/fingerprint.js';
import type { IndexRange } from '../../parts/part-range.js';
import { type AnalysisDescription, analysisId } from '../analysis-description.js';
import type { ClusterAnalysis, ClusterJobData, ClusterJobName } from './cluster-job.js';
import { type Refusal, readJob, readProgress } from './cluster-payload.js';
import type { RedisQueueing } from './redis.js';

/** The queue of all analyses, unless another one is named. */
export const defaultQueue = 'millrace-analysis';

/** The name of a queue is part of the names of Redis' keys, where BullMQ keeps the colon for itself. */
export const queueSchema = v.optional(
  v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'must be letters, digits, _, - and .')),
  defaultQueue,
);

/** Where an analysis stands. */
export interface QueueState {
  /** `none`: it is not in the queue. */
  readonly phase: 'none' | 'counting' | 'measuring' | 'merging' | 'failed';
  /** Samples of the phase that are done, those of running jobs among them. */
  readonly samples: number;
  /** Why it failed. */
  readonly reason?: string;
  /** Machines that refused jobs, and why. */
  readonly refusals: readonly string[];
}

/** Jobs looked at for what they say. */
const lookedAt = 1_000;
const removedAtOnce = 500;
/** How often it is looked whether a job that runs has come to its end. */
const lookAgainMs = 50;

/** The jobs of analyses in BullMQ. Their ids follow from the analysis, its place and the range, so that adding a job twice
 * adds it once. */
export class AnalysisQueue {
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

  /** Adds the first jobs: those that count, where a metric needs that, else those that measure. */
  async start(place: string, analysis: ClusterAnalysis): Promise<void> {
    if (analysis.needsCounts) await this.#addFlow('merge-counts', 'count', place, analysis);
    else await this.#addMap(place, analysis);
  }

  /** Adds the jobs that measure, once all counts are merged; not when the analysis was taken out in the meantime. */
  async goOnFromCounts(place: string, analysis: ClusterAnalysis): Promise<void> {
    const id = jobPrefix(place, analysisId(analysis.description));
    if (await this.#job(id, 'merge-counts')) await this.#addMap(place, analysis);
  }

  async state(place: string, description: AnalysisDescription): Promise<QueueState> {
    const id = jobPrefix(place, analysisId(description));
    const refusals = await this.#refusals(id);
    const parent = await this.#parent(id);
    if (!parent) return { phase: 'none', samples: 0, refusals };
    const state = await parent.getState();
    if (state === 'failed')
      return { phase: 'failed', samples: 0, reason: await this.#reason(parent), refusals };
    const isMeasured = parent.name === ('reduce' satisfies ClusterJobName);
    if (isMeasured && state !== 'waiting-children') {
      const samples = readProgress(parent.progress).samples ?? 0;
      return { phase: state === 'completed' ? 'none' : 'merging', samples, refusals };
    }
    const broken = (await this.#failed(id))[0];
    if (broken) return { phase: 'failed', samples: 0, reason: broken.failedReason, refusals };
    const { processed = 0 } = await parent.getDependenciesCount({ processed: true });
    const samples = Math.min(
      description.samples,
      processed * description.partSamples + (await this.#running(id)),
    );
    return { phase: isMeasured ? 'measuring' : 'counting', samples, refusals };
  }

  /**
   * Removes all jobs of an analysis from the queue. Active jobs finish: a part is kept, and what follows
   * from a merge is taken out, too.
   *
   * @returns whether it was in the queue
   */
  async remove(
    place: string,
    description: AnalysisDescription,
    ranges: readonly IndexRange[],
  ): Promise<boolean> {
    const id = jobPrefix(place, analysisId(description));
    let wasThere = false;
    for (let parent = await this.#parent(id); parent; parent = await this.#parent(id)) {
      wasThere = true;
      await this.#removeFlow(id, parent, ranges);
    }
    await this.#removeFailed(id);
    return wasThere;
  }

  /** Takes out an analysis that failed, and jobs of it that failed after it was taken out: new ones would wait for them in vain. */
  async removeFailed(
    place: string,
    description: AnalysisDescription,
    ranges: readonly IndexRange[],
  ): Promise<void> {
    const id = jobPrefix(place, analysisId(description));
    while ((await this.state(place, description)).phase === 'failed') {
      const parent = await this.#parent(id);
      if (parent) await this.#removeFlow(id, parent, ranges);
    }
    await this.#removeFailed(id);
  }

  /** A parent and its children at once; where children are worked on, the parent first, which would start when the last one is gone. */
  async #removeFlow(id: string, parent: Job, ranges: readonly IndexRange[]): Promise<void> {
    if (await this.#remove(parent.id!)) return;
    if (await this.#remove(parent.id!, false)) {
      const ids = ranges.flatMap((range) => [jobId(id, 'count', range), jobId(id, 'map', range)]);
      for (let start = 0; start < ids.length; start += removedAtOnce)
        await Promise.all(ids.slice(start, start + removedAtOnce).map((each) => this.#remove(each)));
      return;
    }
    await sleep(lookAgainMs);
  }

  /** @returns whether the job was removed; active jobs, and parents of active jobs, cannot be. */
  async #remove(id: string, removeChildren = true): Promise<boolean> {
    return (await this.#queue.remove(id, { removeChildren })) === 1;
  }

  /** Whether every connected worker of the queue has refused a job. */
  async isRefusedByAll(refusals: readonly Refusal[]): Promise<boolean> {
    // Some services that offer Redis list no clients: then no other worker is known.
    const clients = await this.#queue.getWorkers().catch(() => []);
    const names = clients.map(({ rawname = '' }) => rawname.split(':w:')[1] ?? '');
    return names.every((name) => refusals.some(({ worker }) => worker === name));
  }

  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#flows.close()]);
  }

  #addMap(place: string, analysis: ClusterAnalysis): Promise<void> {
    return this.#addFlow('reduce', 'map', place, analysis);
  }

  async #addFlow(
    parent: ClusterJobName,
    child: ClusterJobName,
    place: string,
    { description, request, attempts, backoffMs }: ClusterAnalysis,
  ): Promise<void> {
    const id = analysisId(description);
    const job = (name: ClusterJobName, range?: IndexRange): FlowJob => {
      const data: ClusterJobData = { place, id, ...(range && { range }) };
      const opts: JobsOptions = {
        jobId: jobId(jobPrefix(place, id), name, range),
        attempts,
        backoff: { type: 'exponential', delay: backoffMs },
        removeOnComplete: true,
        ...(range && { failParentOnFailure: true }),
      };
      return { name, queueName: this.#name, data, opts: opts as NonNullable<FlowJob['opts']> };
    };
    await this.#flows.add({ ...job(parent), children: request.ranges.map((range) => job(child, range)) });
  }

  /** The job that all others of the phase are children of. */
  async #parent(id: string): Promise<Job | undefined> {
    // In this order: the merge ends after it has added the reduce.
    const merge = await this.#job(id, 'merge-counts');
    return (await this.#job(id, 'reduce')) ?? merge;
  }

  #job(id: string, name: ClusterJobName): Promise<Job | undefined> {
    return this.#queue.getJob(jobId(id, name));
  }

  async #removeFailed(id: string): Promise<void> {
    for (const job of await this.#failed(id)) await this.#remove(job.id!);
  }

  /** Samples of the jobs that run now. */
  async #running(id: string): Promise<number> {
    const active = await this.#queue.getActive(0, lookedAt);
    return active
      .filter((job) => job?.id?.startsWith(id))
      .reduce((sum, { progress }) => sum + (readProgress(progress).samples ?? 0), 0);
  }

  async #refusals(id: string): Promise<string[]> {
    const delayed = await this.#queue.getDelayed(0, lookedAt);
    return delayed
      .filter((job) => job?.id?.startsWith(id))
      .flatMap(({ progress }) => readProgress(progress).refusals ?? [])
      .map(({ worker, reason }) => `${worker}: ${reason}`);
  }

  /** Of the job that failed: a parent that fails says only that a child did. */
  async #reason(parent: Job): Promise<string> {
    const { place, id } = readJob(parent).data;
    const failed = await this.#failed(jobPrefix(place, id));
    return (failed.find((job) => job.id !== parent.id) ?? parent).failedReason;
  }

  /** Jobs of an analysis that failed as often as they may. */
  async #failed(id: string): Promise<Job[]> {
    const failed = await this.#queue.getFailed(0, lookedAt);
    return failed.filter((job) => job?.id?.startsWith(id));
  }
}

/** Prefix of the job ids of an analysis. Includes the output location, so each location is a separate analysis. */
function jobPrefix(place: string, id: string): string {
  return fingerprint({ place, id });
}

/** BullMQ keeps the colon for itself. */
function jobId(id: string, name: ClusterJobName, range?: IndexRange): string {
  return [id, name, ...(range ?? [])].join('-');
}
