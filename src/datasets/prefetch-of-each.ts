import type { Dataset, IndexArray } from '../core/dataset.js';

/**
 * Has each of several datasets fetch its own samples. Those that have none among these are asked, too: a batch that needs nothing from
 * afar does not say that none does.
 *
 * @returns what `Dataset.prefetch` gives for all of them together
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
