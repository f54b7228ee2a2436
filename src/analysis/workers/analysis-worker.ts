import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { WorkerExitError } from '../../core/errors.js';
import { transferFailure } from '../../core/recipe.js';
import type { OnSamples } from '../range-work.js';
import type { IndexRange } from '../split-index.js';
import type { AnalysisSetup, FromAnalysisWorker, ToAnalysisWorker } from './protocol.js';

/** Works on ranges in a thread, one at a time. */
export class AnalysisWorker {
  readonly #thread: Worker;
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => {};

  constructor(setup: AnalysisSetup, id: number) {
    try {
      const name = `millrace analysis ${id}`;
      this.#thread = new Worker(new URL('./entry.js', import.meta.url), { workerData: setup, name });
    } catch (error) {
      throw transferFailure(error, 'The dataset cannot be moved into a worker');
    }
    this.#thread.on('messageerror', (cause) => this.#fail('sent what cannot be received', id, cause));
    this.#thread.on('error', (cause: Error) =>
      this.#fail(`stopped on an error: ${cause.message}`, id, cause),
    );
    this.#thread.on('exit', (code) => this.#fail(`ended by itself with exit code ${code}`, id));
  }

  count(range: IndexRange, onSamples: OnSamples): Promise<void> {
    return this.#request({ type: 'count', range }, onSamples);
  }

  map(range: IndexRange, onSamples: OnSamples): Promise<void> {
    return this.#request({ type: 'map', range }, onSamples);
  }

  async close(): Promise<void> {
    this.#thread.removeAllListeners('exit');
    await this.#thread.terminate();
  }

  #request(message: ToAnalysisWorker, onSamples: OnSamples): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#onFailure = reject;
      const receive = (reply: FromAnalysisWorker): void => {
        if (reply.type === 'progress') {
          onSamples(reply.samples);
          return;
        }
        this.#thread.off('message', receive);
        if (reply.type === 'error') reject(fromErrorRecord(reply.error));
        else resolve();
      };
      this.#thread.on('message', receive);
      this.#thread.postMessage(message);
    });
  }

  #fail(what: string, worker: number, cause?: Error): void {
    this.#failure ??= new WorkerExitError(`Analysis thread ${worker} ${what}`, {
      where: { worker },
      next: 'Run the analysis again, with fewer workers if memory ran out: parts that are done are kept.',
      cause,
    });
    this.#onFailure(this.#failure);
  }
}
