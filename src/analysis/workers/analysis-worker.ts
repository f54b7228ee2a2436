import { threadProgram } from '../../core/thread-program.js';
import type { IndexRange } from '../../parts/part-range.js';
import { PartThread } from '../../parts/part-thread.js';
import type { OnSamples } from '../range-work.js';
import type { ReduceRequest } from '../reduce-analysis.js';
import type { AnalysisRequest, AnalysisSetup } from './protocol.js';

/** Works on ranges in a thread, one at a time. */
export class AnalysisWorker {
  readonly #thread: PartThread<AnalysisRequest, void>;

  constructor(setup: AnalysisSetup, id: number) {
    this.#thread = new PartThread(setup, {
      program: threadProgram('analysis/workers/entry.js'),
      work: 'analysis',
      id,
      moves: 'dataset',
      next: 'Finished parts are kept. Run the analysis again to continue, with fewer workers if memory ran out.',
    });
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

  /** Merges the parts, records that the analysis is complete, and removes the parts. */
  async finish(request: ReduceRequest, onSamples: OnSamples): Promise<void> {
    await this.#request({ type: 'finish', request }, onSamples);
  }

  /** Whether the thread has ended on its own. */
  get hasFailed(): boolean {
    return this.#thread.hasFailed;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #request(request: AnalysisRequest, onSamples?: OnSamples): Promise<void> {
    return this.#thread.request(request, ({ samples }) => onSamples?.(samples));
  }
}
