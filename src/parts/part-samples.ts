import type { Dataset } from '../core/dataset.js';
import { sampleContext } from '../random/sample-context.js';
import type { IndexRange } from './part-range.js';

/** Samples requested at once, so that remote data is read concurrently. */
const concurrentSamples = 64;

/** Reads the samples of a range, in order. */
export async function* samplesOf(
  dataset: Dataset<unknown>,
  [start, end]: IndexRange,
): AsyncGenerator<{ readonly index: number; readonly sample: unknown }> {
  for (let from = start; from < end; from += concurrentSamples) {
    const indices = Array.from({ length: Math.min(concurrentSamples, end - from) }, (_, k) => from + k);
    dataset.prefetch?.(indices, 0);
    const reading = indices.map(async (index) => dataset.get(index, sampleContext(index)));
    // Wait for all, so that no rejection goes unhandled, then report the first failure in order.
    await Promise.allSettled(reading);
    for (const [k, index] of indices.entries()) yield { index, sample: await reading[k] };
  }
}
