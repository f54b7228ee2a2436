import { setTimeout as sleep } from 'node:timers/promises';
import type { FlowJob, FlowProducer, Job, JobsOptions, Queue } from 'bullmq';
import * as v from 'valibot';
import { fingerprint } from '../../core/fingerprint.js';
import type { IndexRange } from '../../parts/part-range.js';
import { type AnalysisDescription, analysisId } from '../analysis-description.js';
import type { ClusterAnalysis, ClusterJobData, ClusterJobName } from './cluster-job.js';
import { type Refusal, readJob, readProgress } from './cluster-payload.js';
import type { RedisQueueing } from './redis.js';

/** Default name of the queue. */
export const defaultQueue = 'millrace-analysis';

/** BullMQ puts the name into the keys of Redis and reserves the colon. */
export const queueSchema = v.optional(
  v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'must be letters, digits, _, - and .')),
  defaultQueue,
);

/** State of an analysis. */
export interface QueueState {
  /** `none`: not in the queue. */
  readonly phase: 'none' | 'counting' | 'measuring' | 'merging' | 'failed';
  /** Finished samples of the phase, including those of running jobs. */
  readonly samples: number;
  /** Why the analysis failed. */
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
 * The jobs of analyses in BullMQ. A job's id is a function of the analysis, its output folder and the range, so
 * adding a job twice adds it once.
 */
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

  /** Adds the first jobs: those that count, if a metric needs counts, else those that measure. */
  async start(outputDir: string, analysis: ClusterAnalysis): Promise<void> {
    if (analysis.needsCounts) await this.#addFlow('merge-counts', 'count', outputDir, analysis);
    else await this.#addMap(outputDir, analysis);
  }

  /** Adds the jobs that measure, once all counts are merged, unless the analysis has been removed. */
  async continueAfterCounts(outputDir: string, analysis: ClusterAnalysis): Promise<void> {
    const id = jobPrefix(outputDir, analysisId(analysis.description));
    if (await this.#job(id, 'merge-counts')) await this.#addMap(outputDir, analysis);
  }

  async state(outputDir: string, description: AnalysisDescription): Promise<QueueState> {
    const id = jobPrefix(outputDir, analysisId(description));
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
    const failedChild = (await this.#failed(id))[0];
    if (failedChild) return { phase: 'failed', samples: 0, reason: failedChild.failedReason, refusals };
    const { processed = 0 } = await parent.getDependenciesCount({ processed: true });
    const samples = Math.min(
      description.samples,
      processed * description.partSamples + (await this.#running(id)),
    );
    return { phase: isMeasured ? 'measuring' : 'counting', samples, refusals };
  }

  /**
   * Removes all jobs of an analysis from the queue. Active jobs finish: their parts are kept, and jobs that a merge
   * adds are removed too.
   *
   * @returns Whether the analysis was in the queue.
   */
  async remove(
    outputDir: string,
    description: AnalysisDescription,
    ranges: readonly IndexRange[],
  ): Promise<boolean> {
    const id = jobPrefix(outputDir, analysisId(description));
    let wasQueued = false;
    for (let parent = await this.#parent(id); parent; parent = await this.#parent(id)) {
      wasQueued = true;
      await this.#removeFlow(id, parent, ranges);
    }
    await this.#removeFailed(id);
    return wasQueued;
  }

  /** Removes a failed analysis, and any of its jobs that failed later: a new run would wait for them in vain. */
  async removeFailed(
    outputDir: string,
    description: AnalysisDescription,
    ranges: readonly IndexRange[],
  ): Promise<void> {
    const id = jobPrefix(outputDir, analysisId(description));
    while ((await this.state(outputDir, description)).phase === 'failed') {
      const parent = await this.#parent(id);
      if (parent) await this.#removeFlow(id, parent, ranges);
    }
    await this.#removeFailed(id);
  }

  /**
   * Removes a parent with its children. If children are active, removes the parent first, because it would start when
   * its last child is removed.
   */
  async #removeFlow(id: string, parent: Job, ranges: readonly IndexRange[]): Promise<void> {
    if (await this.#remove(parent.id!)) return;
    if (await this.#remove(parent.id!, false)) {
      const ids = ranges.flatMap((range) => [jobId(id, 'count', range), jobId(id, 'map', range)]);
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

  #addMap(outputDir: string, analysis: ClusterAnalysis): Promise<void> {
    return this.#addFlow('reduce', 'map', outputDir, analysis);
  }

  async #addFlow(
    parent: ClusterJobName,
    child: ClusterJobName,
    outputDir: string,
    { description, request, attempts, backoffMs }: ClusterAnalysis,
  ): Promise<void> {
    const id = analysisId(description);
    const job = (name: ClusterJobName, range?: IndexRange): FlowJob => {
      const data: ClusterJobData = { outputDir, id, ...(range && { range }) };
      const opts: JobsOptions = {
        jobId: jobId(jobPrefix(outputDir, id), name, range),
        attempts,
        backoff: { type: 'exponential', delay: backoffMs },
        removeOnComplete: true,
        ...(range && { failParentOnFailure: true }),
      };
      return { name, queueName: this.#name, data, opts: opts as NonNullable<FlowJob['opts']> };
    };
    await this.#flows.add({ ...job(parent), children: request.ranges.map((range) => job(child, range)) });
  }

  /** The job that waits for all others of the phase. */
  async #parent(id: string): Promise<Job | undefined> {
    // Read in this order: the merge ends after it has added the reduce.
    const merge = await this.#job(id, 'merge-counts');
    return (await this.#job(id, 'reduce')) ?? merge;
  }

  #job(id: string, name: ClusterJobName): Promise<Job | undefined> {
    return this.#queue.getJob(jobId(id, name));
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
  async #reason(parent: Job): Promise<string> {
    const { outputDir, id } = readJob(parent).data;
    const failed = await this.#failed(jobPrefix(outputDir, id));
    return (failed.find((job) => job.id !== parent.id) ?? parent).failedReason;
  }

  /** Jobs of an analysis that have used all their attempts. */
  async #failed(id: string): Promise<Job[]> {
    const failed = await this.#queue.getFailed(0, mostJobsRead);
    return failed.filter((job) => job?.id?.startsWith(id));
  }
}

/** Prefix of the job ids of an analysis. Includes the output location, so each location is a separate analysis. */
function jobPrefix(outputDir: string, id: string): string {
  return fingerprint({ outputDir, id });
}

/** BullMQ reserves the colon. */
function jobId(id: string, name: ClusterJobName, range?: IndexRange): string {
  return [id, name, ...(range ?? [])].join('-');
}
