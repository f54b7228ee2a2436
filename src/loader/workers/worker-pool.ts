import { LoaderClosedError, WorkerTransferError } from '../../core/errors.js';
import type { BatchEngine } from '../batch-engine.js';
import type { BatchTask, TaskResult } from '../batch-task.js';
import type { DatasetFacts } from '../dataset-facts.js';
import { getWorkerInfo } from '../worker-info.js';
import { PoolWorker } from './pool-worker.js';
import type { WorkerSetup } from './protocol.js';

export interface WorkerPoolOptions {
  readonly numWorkers: number;
  /** Tasks under way per worker. */
  readonly prefetchFactor: number;
  /** What the main thread knows of the dataset, if it has it: the workers' must be like it. */
  readonly facts: DatasetFacts | undefined;
}

/** Threads that make batches. Idle, they do not keep the process alive. */
export class WorkerPool implements BatchEngine {
  readonly window: number;
  readonly #options: WorkerPoolOptions;
  readonly #workers: readonly PoolWorker[];
  readonly #currentPass: Int32Array;
  /** What the dataset is like in the first worker that has it, or on the main thread. */
  readonly #facts: Promise<DatasetFacts>;
  #known: DatasetFacts | undefined;
  #resolveFacts!: (facts: DatasetFacts) => void;
  #rejectFacts!: (error: Error) => void;
  #broken: Error | undefined;

  /**
   * @throws {@link WorkerTransferError} when the dataset or a step does not survive structured cloning, or when this
   *   already is a worker: then the dataset's module starts a loader while it is imported.
   */
  constructor(setup: Omit<WorkerSetup, 'info' | 'currentPass'>, options: WorkerPoolOptions) {
    refuseNesting();
    this.#options = options;
    this.window = options.numWorkers * options.prefetchFactor;
    const currentPass = new SharedArrayBuffer(4);
    this.#currentPass = new Int32Array(currentPass);
    this.#facts = new Promise((resolve, reject) => {
      this.#resolveFacts = resolve;
      this.#rejectFacts = reject;
    });
    this.#facts.catch(() => {});
    if (options.facts) this.#know(options.facts);
    const events = {
      onReady: (id: number, facts: DatasetFacts) => this.#compare(id, facts),
      onFailure: (error: Error) => this.#fail(error),
    };
    this.#workers = Array.from({ length: options.numWorkers }, (_, id) => {
      const info = { id, numWorkers: options.numWorkers, seed: setup.settings.seed };
      return new PoolWorker({ ...setup, info, currentPass }, events);
    });
  }

  /** Whether a worker has failed, so that the pool must be replaced. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  async facts(): Promise<DatasetFacts> {
    this.hold();
    try {
      return await this.#facts;
    } finally {
      this.unhold();
    }
  }

  submit(task: BatchTask): Promise<TaskResult> {
    const promise = this.#workers[this.#owner(task)]!.make(task, this.#currentPass[0]!);
    // The promise waits its turn in the window; until then a failure is not yet anybody's business.
    promise.catch(() => {});
    return promise;
  }

  hold(): void {
    for (const worker of this.#workers) worker.thread.ref();
  }

  unhold(): void {
    for (const worker of this.#workers) worker.thread.unref();
  }

  cancel(): void {
    Atomics.add(this.#currentPass, 0, 1);
    for (const worker of this.#workers) worker.forget();
  }

  abort(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.#fail(new LoaderClosedError('The workers were closed'));
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  #owner(task: BatchTask): number {
    const { numWorkers } = this.#options;
    if (task.type === 'indices') return task.batch % numWorkers;
    return ((this.#known?.numShards ?? 1) > 1 ? task.shard : task.ordinal) % numWorkers;
  }

  #know(facts: DatasetFacts): void {
    this.#known = facts;
    this.#resolveFacts(facts);
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    this.#rejectFacts(error);
  }

  /** What is wrong with the dataset of a worker: one that differs from worker to worker would mix its samples. */
  #compare(id: number, own: DatasetFacts): Error | undefined {
    const known = this.#known;
    if (!known) {
      this.#know(own);
      return undefined;
    }
    if (own.length === known.length && own.numShards === known.numShards) return undefined;
    return new WorkerTransferError(
      `The dataset has ${own.length} samples in worker ${id} and ${known.length} elsewhere`,
      { where: { worker: id }, next: 'Its module must give the same dataset each time it is imported.' },
    );
  }
}

function refuseNesting(): void {
  if (getWorkerInfo() === null) return;
  throw new WorkerTransferError('A loader with workers was started inside a worker of another one', {
    next:
      'The module of a dataset is imported in every worker: move the code that trains out of it, or guard it with ' +
      'if (getWorkerInfo() === null).',
  });
}
