import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { LoaderClosedError, WorkerExitError } from '../../core/errors.js';
import { transferFailure } from '../../core/recipe.js';
import { type BatchTask, type TaskResult, taskPlace } from '../batch-task.js';
import type { DatasetFacts } from '../dataset-facts.js';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.js';

/** What a worker tells its pool. */
export interface PoolWorkerEvents {
  /** It has its dataset. @returns what is wrong with it, if anything is */
  onReady(id: number, facts: DatasetFacts): Error | undefined;
  /** It could not start, or ended: nothing more comes from it. */
  onFailure(error: Error): void;
}

interface Waiting {
  readonly task: BatchTask;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that makes batches, and the tasks that wait for it. */
export class PoolWorker {
  readonly thread: Worker;
  readonly id: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events: PoolWorkerEvents;
  #failure: Error | undefined;
  #nextId = 0;

  constructor(setup: WorkerSetup, events: PoolWorkerEvents) {
    this.id = setup.info.id;
    this.#events = events;
    this.thread = startThread(setup);
    this.thread.on('message', (message: FromWorker) => this.#receive(message));
    this.thread.on('messageerror', (error) => this.#fail(error));
    this.thread.on('error', (error: Error) =>
      this.#fail(this.#exitError(`stopped on an error: ${error.message}`, error)),
    );
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
      case 'ready': {
        // At once: results of a worker that is not like the others may stand right behind.
        const problem = this.#events.onReady(this.id, message.facts);
        if (problem) this.#fail(problem);
        return;
      }
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

  /** Gives the worker up: every task of it fails with this error. */
  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#events.onFailure(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #exitError(what: string, cause?: Error): WorkerExitError {
    const [first] = this.#waiting.values();
    return new WorkerExitError(`Worker ${this.id} ${what}`, {
      where: { worker: this.id, ...(first ? taskPlace(first.task) : {}) },
      next:
        'The batch it was making and the ones behind it were not delivered: iterate again to continue there with new ' +
        'workers. Out of memory? Use fewer workers or a smaller prefetchFactor.',
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
  } catch (error) {
    throw transferFailure(error, 'The dataset cannot be moved into a worker');
  }
}
