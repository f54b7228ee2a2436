import type { SampleContext, SampleRandom } from '../core/dataset.js';
import { SampleRng } from '../random/sample-rng.js';

/** A sample's context. Its generator is made when the sample first draws, because most never do. */
export class LoaderSampleContext implements SampleContext {
  readonly index: number;
  readonly epoch: number;
  readonly seed: number;
  readonly worker: number | null;
  #rng: SampleRandom | undefined;

  constructor(
    index: number,
    pass: { readonly epoch: number; readonly seed: number; readonly worker: number | null },
  ) {
    this.index = index;
    this.epoch = pass.epoch;
    this.seed = pass.seed;
    this.worker = pass.worker;
  }

  get rng(): SampleRandom {
    const rng = this.#rng ?? new SampleRng(this.seed, this.epoch, this.index);
    this.#rng = rng;
    return rng;
  }
}
