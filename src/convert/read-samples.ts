import type { Dataset, SampleContext } from '../core/dataset.js';
import { SampleRng } from '../random/index.js';
import type { Part } from './part.js';

/** Samples that are asked for together: far-away data is read side by side. */
const together = 64;

/** The samples of a part, in order. */
export async function* readSamples(
  dataset: Dataset<unknown>,
  { start, end }: Part,
): AsyncGenerator<{ readonly index: number; readonly sample: unknown }> {
  for (let from = start; from < end; from += together) {
    const indices = Array.from({ length: Math.min(together, end - from) }, (_, k) => from + k);
    dataset.prefetch?.(indices);
    const reading = indices.map(async (index) => dataset.get(index, contextOf(index)));
    // All are waited for, so that none fails unseen; the first that failed is the one to name.
    await Promise.allSettled(reading);
    for (const [k, index] of indices.entries()) yield { index, sample: await reading[k] };
  }
}

/** Samples are those of epoch 0 and seed 0. */
export function contextOf(index: number): SampleContext {
  const pass = { epoch: 0, seed: 0, worker: null };
  return { index, ...pass, rng: new SampleRng(0, 0, index) };
}
