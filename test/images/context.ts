import type { SampleContext } from 'millrace';
import { SampleRng } from '../../dist/random/sample-rng.js';

/** The context of a sample whose random numbers follow from a seed. */
export function context(seed = 1): SampleContext {
  return {
    index: 0,
    epoch: 0,
    seed,
    worker: null,
    rng: new SampleRng(seed, 0, 0),
    part: () => context(seed),
  };
}
