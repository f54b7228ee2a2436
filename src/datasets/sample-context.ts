import type { SampleContext } from '../core/dataset.js';
import { SampleRng } from '../random/sample-rng.js';

/** The pass that a sample is made in. */
export type SamplePass = Pick<SampleContext, 'epoch' | 'seed' | 'worker'>;

/** Where there is no loader: the first epoch, with seed 0. */
const firstPass: SamplePass = { epoch: 0, seed: 0, worker: null };

/** The context of a sample that is asked for outside a loader's batches. Its generator is made when the sample first draws. */
export class PassSampleContext implements SampleContext {
  readonly index: number;
  readonly epoch: number;
  readonly seed: number;
  readonly worker: number | null;
  #rng: SampleRng | undefined;

  constructor(index: number, { epoch, seed, worker }: SamplePass = firstPass) {
    this.index = index;
    this.epoch = epoch;
    this.seed = seed;
    this.worker = worker;
  }

  get rng(): SampleRng {
    this.#rng ??= new SampleRng(this.seed, this.epoch, this.index);
    return this.#rng;
  }
}
