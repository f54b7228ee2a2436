import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { LoaderClosedError, WorkerExitError, WorkerTransferError } from '../../core/errors.js';
import type { BatchEngine } from '../batch-engine.js';
import { type BatchTask, type TaskResult, taskPlace } from '../batch-task.js';
import type { DatasetFacts } from '../dataset-facts.js';
import { getWorkerInfo } from '../worker-info.js';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js';

export interface WorkerPoolOptions {
  readonly numWorkers: number;
  /** Tasks under way per worker. */
  readonly prefetchFactor: number;
  /** What the main thread knows of the dataset, if it has it: the workers' must be like it. */
  readonly facts: DatasetFacts | undefined;
}

interface Waiting {
  readonly task: BatchTask;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: Error) => void;
}

/** Threads that make batches. Idle, they do not keep the process alive. */
export class WorkerPool implements BatchEngine {
  readonly window: number;
  readonly #options: WorkerPoolOptions;
  readonly #workers: readonly PoolWorker[];
  readonly #currentPass: Int32Array;
  readonly #facts: Promise<DatasetFacts>;
  #numShards = 1;
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
    const fail = (error: Error): void => {
      this.#broken ??= error;
    };
    this.#workers = Array.from({ length: options.numWorkers }, (_, id) => {
      const info = { id, numWorkers: options.numWorkers, seed: setup.settings.seed };
      return new PoolWorker({ ...setup, info, currentPass }, fail);
    });
    this.#facts = options.facts ? Promise.resolve(options.facts) : this.#workers[0]!.facts;
    this.#numShards = options.facts?.numShards ?? 1;
    for (const worker of this.#workers) void this.#compare(worker);
  }

  /** Whether a worker has failed, so that the pool must be replaced. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  async facts(): Promise<DatasetFacts> {
    this.hold();
    try {
      const facts = await this.#facts;
      this.#numShards = facts.numShards;
      return facts;
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
    this.#broken ??= new LoaderClosedError('The workers were closed');
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  #owner(task: BatchTask): number {
    const { numWorkers } = this.#options;
    if (task.type === 'indices') return task.batch % numWorkers;
    return (this.#numShards > 1 ? task.shard : task.ordinal) % numWorkers;
  }

  /** A module that gives every worker another dataset would mix their samples. */
  async #compare(worker: PoolWorker): Promise<void> {
    try {
      const [expected, own] = await Promise.all([this.#facts, worker.facts]);
      if (own.length === expected.length && own.numShards === expected.numShards) return;
      worker.fail(
        new WorkerTransferError(
          `The dataset has ${own.length} samples in worker ${worker.id} and ${expected.length} elsewhere`,
          {
            where: { worker: worker.id },
            next: 'Its module must give the same dataset each time it is imported.',
          },
        ),
      );
    } catch {
      // A worker that did not start has told its tasks so.
    }
  }
}

class PoolWorker {
  readonly thread: Worker;
  readonly id: number;
  /** Comes when the worker has its dataset; fails when it cannot have it. */
  readonly facts: Promise<DatasetFacts>;
  #resolveFacts!: (facts: DatasetFacts) => void;
  #rejectFacts!: (error: Error) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onFailure: (error: Error) => void;
  #failure: Error | undefined;
  #nextId = 0;

  constructor(setup: WorkerSetup, onFailure: (error: Error) => void) {
    this.id = setup.info.id;
    this.#onFailure = onFailure;
    this.facts = new Promise((resolve, reject) => {
      this.#resolveFacts = resolve;
      this.#rejectFacts = reject;
    });
    this.facts.catch(() => {});
    this.thread = startThread(setup);
    this.thread.on('message', (message: FromWorker) => this.#receive(message));
    this.thread.on('messageerror', (error) => this.fail(error));
    this.thread.on('error', (error: Error) =>
      this.fail(this.#exitError(`stopped on an error: ${error.message}`, error)),
    );
    this.thread.on('exit', (code) => this.fail(this.#exitError(`ended by itself with exit code ${code}`)));
    this.thread.unref();
  }

  make(task: BatchTask, pass: number): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { task, resolve, reject });
      this.#send({ type: 'make', id, pass, task });
    });
  }

  /** Results of the tasks under way are not wanted any more; lent memory comes back by itself. */
  forget(): void {
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    this.#failure ??= new LoaderClosedError('The workers were closed');
    this.#rejectFacts(this.#failure);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
    await this.thread.terminate();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#resolveFacts(message.facts);
        return;
      case 'failed':
        this.fail(fromErrorRecord(message.error));
        return;
      case 'made': {
        const { slot, result } = message;
        const release = slot === undefined ? undefined : () => this.#send({ type: 'release', slot });
        const waiting = this.#take(message.id);
        if (!waiting) release?.();
        else waiting.resolve(release && result.type === 'batch' ? { ...result, release } : result);
        return;
      }
      case 'error':
        this.#take(message.id)?.reject(fromErrorRecord(message.error));
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #send(message: ToWorker): void {
    this.thread.postMessage(message);
  }

  /** Gives the worker up: every task of it fails with this error. */
  fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#onFailure(error);
    this.#rejectFacts(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #exitError(what: string, cause?: Error): WorkerExitError {
    const [first] = this.#waiting.values();
    return new WorkerExitError(`Worker ${this.id} ${what}`, {
      where: { worker: this.id, ...(first ? taskPlace(first.task) : {}) },
      next:
        'The batch it was making and the ones behind it were not delivered, and the loader state still stands before ' +
        'them: iterate again to continue with new workers. Out of memory? Use fewer workers or a smaller prefetchFactor.',
      cause,
    });
  }
}

function startThread(setup: WorkerSetup): Worker {
  try {
    return new Worker(new URL('./entry.js', import.meta.url), {
      workerData: setup,
      name: `millrace worker ${setup.info.id}`,
    });
  } catch (cause) {
    if (!(cause instanceof DOMException) || cause.name !== 'DataCloneError') throw cause;
    throw new WorkerTransferError(`The dataset cannot be moved into a worker: ${cause.message}`, {
      next: `Name it by module: workerDataset(new URL('./dataset.js', import.meta.url)), or use numWorkers: 0.`,
      cause,
    });
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
