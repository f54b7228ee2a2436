import type { Dataset } from '../core/dataset.js';
import { sampleContext } from '../random/sample-context.js';
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
    dataset.prefetch?.(indices, 0);
    const reading = indices.map(async (index) => dataset.get(index, sampleContext(index)));
    // All are waited for, so that none fails unseen; the first that failed is the one to name.
    await Promise.allSettled(reading);
    for (const [k, index] of indices.entries()) yield { index, sample: await reading[k] };
  }
}
