import { extremes, firstIds, sortByNumber } from '../core/sort-by-value.js';
import { valueDtypeOf } from './difficulty-file-header.js';
import { DifficultyFileWriter } from './difficulty-file-writer.js';

/** What a difficulty file is of. */
export interface MeasuredFacts {
  /** Name of the metric. */
  readonly metric: string;
  /** Fingerprint of the dataset. */
  readonly dataset: string;
}

/**
 * Writes the difficulty of every sample to one file.
 *
 * @param values - Shape `[samples]`, finite, at least one.
 * @throws {@link StorageError} if it cannot be written
 * @remarks O(n log n), in memory.
 */
export function writeDifficulty(path: string, values: Float64Array, facts: MeasuredFacts): void {
  const { distinct, counts, ids } = sortByNumber(values, firstIds(values.length));
  const { min, max } = extremes(values);
  const valueDtype = valueDtypeOf(min, max, values.every(Number.isSafeInteger));
  const writer = new DifficultyFileWriter(path, {
    ...facts,
    samples: values.length,
    min,
    max,
    scale: 0,
    valueDtype,
  });
  try {
    writer.addValues(values);
    for (let row = 0, start = 0; row < distinct.length; row++) {
      const end = start + counts[row]!;
      writer.addIds(Uint32Array.from(ids.subarray(start, end)), 0);
      writer.endRow(distinct[row]!);
      start = end;
    }
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
}
