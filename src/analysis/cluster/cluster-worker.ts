import { conversionWork } from '../../convert/stored/conversion-work.js';
import type { WorkKind } from '../../parts/cluster/work-kind.js';
import { type ClusterWorkerOptions, WorkRunner } from '../../parts/cluster/work-runner.js';
import { analysisWork } from './analysis-work.js';

/** Every kind of work that runs on a cluster. */
const kinds: ReadonlyMap<string, WorkKind> = new Map([
  ['analysis', analysisWork],
  ['conversion', conversionWork],
]);

/**
 * Does the jobs of a queue: analyses, conversions and maps. All work runs in threads, so that the calling thread can
 * always send heartbeats.
 *
 * Refuses work that it cannot open, that names a module which is not allowed, or whose version of Millrace, data or
 * modules differ from its own. It returns such a job to the queue and does jobs of other work. If every worker of the
 * queue has refused a job, the job and its work fail with their reasons.
 */
export class ClusterWorker {
  readonly #runner: WorkRunner;

  private constructor(runner: WorkRunner) {
    this.#runner = runner;
  }

  /**
   * @throws {@link ConfigError} for invalid options, {@link MissingPeerError} without bullmq and ioredis, {@link
   *   StorageError} if Redis does not answer.
   */
  static async start(options: ClusterWorkerOptions): Promise<ClusterWorker> {
    return new ClusterWorker(await WorkRunner.start(options, kinds));
  }

  /** Resolves when the worker has closed. */
  get ended(): Promise<void> {
    return this.#runner.ended;
  }

  /** Finishes the current jobs and closes the worker. */
  close(): Promise<void> {
    return this.#runner.close();
  }
}
