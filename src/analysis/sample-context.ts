import type { SampleContext, SampleRandom } from '../core/dataset.js';
import { SampleRng } from '../random/index.js';

/** What a dataset is told when a sample is analysed: the first epoch, seed 0. */
export class AnalysisSampleContext implements SampleContext {
  readonly index: number;
  readonly epoch = 0;
  readonly seed = 0;
  readonly worker: number | null;
  #rng: SampleRandom | undefined;

  constructor(index: number, worker: number | null) {
    this.index = index;
    this.worker = worker;
  }

  get rng(): SampleRandom {
    this.#rng ??= new SampleRng(this.seed, this.epoch, this.index);
    return this.#rng;
  }
}
