import type { Dataset } from '../../core/dataset.js';
import { originOf } from '../../core/sample-origin.js';

/** Samples that are looked at for one of the same source. */
const mostLookedAt = 10_000;

/**
 * The samples that may replace one that cannot be made: the next ones of its source in the order of the dataset, then, if the
 * source is rare, the next ones of others. A function of the dataset, the index and the epoch.
 */
export function* replacementsOf(dataset: Dataset<unknown>, index: number, epoch: number): Generator<number> {
  const { length } = dataset;
  const isMixed = (dataset.sourceCount ?? 1) > 1;
  const sourceOf = (of: number): number => (isMixed ? originOf(dataset, of, { epoch, pass: 0 }).source : 0);
  const own = sourceOf(index);
  const reach = Math.min(length - 1, mostLookedAt);
  for (const isOwn of isMixed ? [true, false] : [true]) {
    for (let k = 1; k <= reach; k++) {
      const next = (index + k) % length;
      if ((sourceOf(next) === own) === isOwn) yield next;
    }
  }
}
