import type { Dataset, IndexArray } from '../core/dataset.js';

/**
 * Prefetches from each of several datasets, even from those without a sample in this batch: only their return value says
 * whether they are remote.
 *
 * @returns the sum of what `Dataset.prefetch` returns
 */
export function prefetchOfEach(
  datasets: readonly Dataset<unknown>[],
  requestsOf: (k: number) => Iterable<readonly [epoch: number, indices: IndexArray]>,
): number | undefined {
  let bytes: number | undefined;
  for (const [k, dataset] of datasets.entries()) {
    for (const [epoch, indices] of requestsOf(k)) {
      const asked = dataset.prefetch?.(indices, epoch);
      if (typeof asked === 'number') bytes = (bytes ?? 0) + asked;
    }
  }
  return bytes;
}
