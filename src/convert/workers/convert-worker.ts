import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { WorkerExitError } from '../../core/errors.js';
import { transferFailure } from '../../core/recipe.js';
import { threadProgram } from '../../core/thread-program.js';
import type { OnDone, Part, PartReceipt, PartWriter } from '../part.js';
import type { ConvertThreadSetup, FromConvertWorker, ToConvertWorker } from './protocol.js';

/** Writes parts in a thread, one at a time, into the folder that the thread was started with. */
export class ConvertWorker implements PartWriter {
  readonly #thread: Worker;
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => {};

  constructor(setup: ConvertThreadSetup, id: number) {
    try {
      this.#thread = new Worker(threadProgram('./entry.js', import.meta.url), {
        workerData: setup,
        name: `millrace convert ${id}`,
      });
    } catch (error) {
      throw transferFailure(error, 'The input cannot be moved into a worker');
    }
    this.#thread.on('messageerror', (cause) => this.#fail('sent what cannot be received', id, cause));
    this.#thread.on('error', (cause: Error) =>
      this.#fail(`stopped on an error: ${cause.message}`, id, cause),
    );
    this.#thread.on('exit', (code) => this.#fail(`ended by itself with exit code ${code}`, id));
  }

  write(part: Part, _folder: string, onDone: OnDone): Promise<PartReceipt> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#onFailure = reject;
      const receive = (reply: FromConvertWorker): void => {
        if (reply.type === 'done') {
          onDone(reply);
          return;
        }
        this.#thread.off('message', receive);
        if (reply.type === 'error') reject(fromErrorRecord(reply.error));
        else resolve(reply.receipt);
      };
      this.#thread.on('message', receive);
      const message: ToConvertWorker = part;
      this.#thread.postMessage(message);
    });
  }

  async close(): Promise<void> {
    this.#thread.removeAllListeners('exit');
    await this.#thread.terminate();
  }

  #fail(what: string, worker: number, cause?: Error): void {
    this.#failure ??= new WorkerExitError(`Conversion thread ${worker} ${what}`, {
      where: { worker },
      next: 'The parts that are done stay. Run the same command again to go on; with fewer workers if memory ran out.',
      cause,
    });
    this.#onFailure(this.#failure);
  }
}
