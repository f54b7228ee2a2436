import { Worker } from 'node:worker_threads';
import { type ErrorRecord, fromErrorRecord } from '../core/error-record.js';
import { WorkerExitError } from '../core/errors.js';
import { transferFailure } from '../core/recipe.js';
import type { OnPartProgress, PartProgress } from './progress-count.js';

/** Message from a thread. Each request is answered by any number of `progress` messages and one `done` or `error`. */
export type PartReply<Result> =
  | { readonly type: 'progress'; readonly progress: PartProgress }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'error'; readonly error: ErrorRecord };

export interface PartThreadOptions {
  /** The program of the thread, which calls `serveParts`. */
  readonly program: URL;
  /** The kind of work, for names and messages: `analysis`. */
  readonly work: string;
  /** Number of the thread among those of the work. */
  readonly id: number;
  /** What the setup carries into the thread, for messages: `dataset`. */
  readonly moves: string;
  /** What to do if the thread ends early. */
  readonly next: string;
}

/** A thread that does one request at a time. */
export class PartThread<Request, Result> {
  readonly #thread: Worker;
  readonly #options: PartThreadOptions;
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => {};

  /**
   * @param setup - What the program prepares itself from; its `workerData`.
   * @throws {@link WorkerTransferError} if the setup cannot be moved into a thread.
   */
  constructor(setup: unknown, options: PartThreadOptions) {
    const { program, work, id, moves } = options;
    this.#options = options;
    try {
      this.#thread = new Worker(program, { workerData: setup, name: `millrace ${work} ${id}` });
    } catch (error) {
      throw transferFailure(error, `The ${moves} cannot be moved into a worker`);
    }
    this.#thread.on('messageerror', (cause) => this.#fail('sent a message that cannot be received', cause));
    this.#thread.on('error', (cause: Error) => this.#fail(`stopped on an error: ${cause.message}`, cause));
    this.#thread.on('exit', (code) => this.#fail(`ended by itself with exit code ${code}`));
  }

  /** Whether the thread has ended by itself. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws what the program throws; {@link WorkerExitError} if the thread ends before it has answered */
  request(request: Request, onProgress: OnPartProgress = () => {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#onFailure = reject;
      const receive = (reply: PartReply<Result>): void => {
        if (reply.type === 'progress') {
          onProgress(reply.progress);
          return;
        }
        this.#thread.off('message', receive);
        if (reply.type === 'error') reject(fromErrorRecord(reply.error));
        else resolve(reply.result);
      };
      this.#thread.on('message', receive);
      this.#thread.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#thread.removeAllListeners('exit');
    await this.#thread.terminate();
  }

  #fail(what: string, cause?: Error): void {
    const { work, id, next } = this.#options;
    const title = `${work[0]!.toUpperCase()}${work.slice(1)} thread ${id}`;
    this.#failure ??= new WorkerExitError(`${title} ${what}`, { where: { worker: id }, next, cause });
    this.#onFailure(this.#failure);
  }
}
