import { Worker } from 'node:worker_threads';
import { fromErrorRecord } from '../../core/error-record.js';
import { WorkerExitError } from '../../core/errors.js';
import { type Recipe, transferFailure } from '../../core/recipe.js';
import type { AnalysisEngine, MeasureRequest } from '../analysis-engine.js';
import type { OnSamples } from '../measure-range.js';
import type { TokenCounts } from '../metrics/token-metric.js';
import type { IndexRange } from '../split-index.js';
import type { AnalysisSetup, FromAnalysisWorker, ToAnalysisWorker } from './protocol.js';

/** Counts and measures in a thread, one request at a time. */
export class AnalysisWorker implements AnalysisEngine {
  readonly #thread: Worker;
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => {};

  constructor(dataset: Recipe, id: number) {
    const workerData: AnalysisSetup = { dataset };
    try {
      const name = `millrace analysis ${id}`;
      this.#thread = new Worker(new URL('./entry.js', import.meta.url), { workerData, name });
    } catch (error) {
      throw transferFailure(error, 'The dataset cannot be moved into a worker');
    }
    this.#thread.on('messageerror', (cause) => this.#fail('sent what cannot be received', id, cause));
    this.#thread.on('error', (cause: Error) =>
      this.#fail(`stopped on an error: ${cause.message}`, id, cause),
    );
    this.#thread.on('exit', (code) => this.#fail(`ended by itself with exit code ${code}`, id));
  }

  async count(range: IndexRange, onSamples: OnSamples): Promise<TokenCounts> {
    const reply = await this.#request({ type: 'count', range }, onSamples);
    return (reply as Extract<FromAnalysisWorker, { type: 'counted' }>).counts;
  }

  async measure({ metrics, ...request }: MeasureRequest, onSamples: OnSamples): Promise<void> {
    await this.#request({ type: 'measure', metrics: metrics.map(({ name }) => name), ...request }, onSamples);
  }

  async close(): Promise<void> {
    this.#thread.removeAllListeners('exit');
    await this.#thread.terminate();
  }

  #request(message: ToAnalysisWorker, onSamples: OnSamples): Promise<FromAnalysisWorker> {
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
      next: 'Nothing was written. Run the analysis again; with fewer workers if memory ran out.',
      cause,
    });
    this.#onFailure(this.#failure);
  }
}
