import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { WorkerExitError } from '../../core/errors.js';
import { transferFailure } from '../../core/recipe.js';
import { threadProgram } from '../../core/thread-program.js';
import type { OnSamples } from '../range-work.js';
import type { ReducedMetrics, ReduceRequest } from '../reduce-analysis.js';
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
      this.#thread = new Worker(threadProgram('./entry.js', import.meta.url), { workerData: setup, name });
    } catch (error) {
      throw transferFailure(error, 'The dataset cannot be moved into a worker');
    }
    this.#thread.on('messageerror', (cause) => this.#fail('sent what cannot be received', id, cause));
    this.#thread.on('error', (cause: Error) =>
      this.#fail(`stopped on an error: ${cause.message}`, id, cause),
    );
    this.#thread.on('exit', (code) => this.#fail(`ended by itself with exit code ${code}`, id));
  }

  async count(range: IndexRange, onSamples: OnSamples): Promise<void> {
    await this.#request({ type: 'count', range }, onSamples);
  }

  async map(range: IndexRange, onSamples: OnSamples): Promise<void> {
    await this.#request({ type: 'map', range }, onSamples);
  }

  async mergeCounts(ranges: readonly IndexRange[]): Promise<void> {
    await this.#request({ type: 'merge-counts', ranges });
  }

  async reduce(request: ReduceRequest, onSamples: OnSamples): Promise<ReducedMetrics> {
    const reply = await this.#request({ type: 'reduce', request }, onSamples);
    return (reply as Extract<FromAnalysisWorker, { type: 'reduced' }>).reduced;
  }

  /** Whether the thread has ended by itself. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  async close(): Promise<void> {
    this.#thread.removeAllListeners('exit');
    await this.#thread.terminate();
  }

  #request(message: ToAnalysisWorker, onSamples: OnSamples = () => {}): Promise<FromAnalysisWorker> {
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
        else resolve(reply);
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
