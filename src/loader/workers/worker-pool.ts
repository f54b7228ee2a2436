import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { LoaderClosedError, WorkerExitError, WorkerTransferError } from '../../core/errors.js';
import type { BatchEngine } from '../batch-engine.js';
import { type BatchTask, type TaskResult, taskPlace } from '../batch-task.js';
import { getWorkerInfo } from '../worker-info.js';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js';

export interface WorkerPoolOptions {
  readonly numWorkers: number;
  /** Tasks under way per worker. */
  readonly prefetchFactor: number;
  /** Whether each shard of an iterable dataset stays with one worker, because there are several. */
  readonly workersOwnShards: boolean;
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
  }

  /** Whether a worker has failed, so that the pool must be replaced. */
  get broken(): boolean {
    return this.#broken !== undefined;
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
    const { numWorkers, workersOwnShards } = this.#options;
    if (task.type === 'indices') return task.batch % numWorkers;
    return (workersOwnShards ? task.shard : task.ordinal) % numWorkers;
  }
}

class PoolWorker {
  readonly thread: Worker;
  readonly #id: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onFailure: (error: Error) => void;
  #failure: Error | undefined;
  #nextId = 0;

  constructor(setup: WorkerSetup, onFailure: (error: Error) => void) {
    this.#id = setup.info.id;
    this.#onFailure = onFailure;
    this.thread = startThread(setup);
    this.thread.on('message', (message: FromWorker) => this.#receive(message));
    this.thread.on('messageerror', (error) => this.#fail(error));
    this.thread.on('error', (error: Error) => this.#fail(this.#exitError(`stopped on an error: ${error.message}`, error)));
    this.thread.on('exit', (code) => this.#fail(this.#exitError(`ended by itself with exit code ${code}`)));
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
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
    await this.thread.terminate();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        return;
      case 'failed':
        this.#fail(fromErrorRecord(message.error));
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

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#onFailure(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #exitError(what: string, cause?: Error): WorkerExitError {
    const [first] = this.#waiting.values();
    return new WorkerExitError(`Worker ${this.#id} ${what}`, {
      where: { worker: this.#id, ...(first ? taskPlace(first.task) : {}) },
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
