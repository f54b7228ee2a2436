import { ShapeError } from '../core/errors.js';
import type { PlannedBatch } from './order/loader-position.js';

/**
 * Puts the results of all ranks into the order of the dataset. See `DataLoader.gather`.
 *
 * @param length - Samples of the dataset.
 * @param batchesOf - The batches of a rank.
 */
export function gatherResults<R>(
  results: readonly ArrayLike<R>[],
  length: number,
  batchesOf: (rank: number) => Iterable<PlannedBatch>,
): (R | undefined)[] {
  const gathered = Array.from<R | undefined>({ length });
  const isThere = new Uint8Array(length);
  for (const [rank, own] of results.entries()) {
    let at = 0;
    for (const { indices } of batchesOf(rank)) {
      for (const index of indices) {
        if (at < own.length && isThere[index] === 0) gathered[index] = own[at]!;
        isThere[index] = 1;
        at += 1;
      }
    }
    if (at !== own.length) {
      throw new ShapeError(`Rank ${rank} has ${own.length} results for the ${at} samples of its epoch`, {
        where: { rank, results: own.length, samples: at },
        next: 'Pass one result per sample, in the order of the rank. Samples that onError left out have no result: replace them.',
      });
    }
  }
  return gathered;
}
