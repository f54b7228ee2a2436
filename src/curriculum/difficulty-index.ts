import type { Dataset } from '../core/dataset.js';
import { FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { groupEnds, type IdArray, invertIds } from '../core/sort-by-value.js';
import type { Tensor } from '../core/tensor.js';
import { IndexedDataset } from '../formats/indexed/indexed-dataset.js';
import type { DifficultyOrder } from './difficulty-order.js';

export interface DifficultyIndexPaths {
  /** Prefix of the rows of sample ids: `<metric>_index_to_sample`, or its percentile-merged form. */
  readonly indexToSamplePath: string;
  /** Prefix of the value of each row: `<metric>_index_to_metric`. Required to select by value. */
  readonly indexToMetricPath?: string;
}

/** Sample ids, in the order of the index. */
export type SampleIds = Float64Array;

/**
 * Samples sorted by difficulty: rows of ids of equal difficulty, in ascending order. Reads the files that the
 * analyzer writes; reads ids on demand.
 */
export class DifficultyIndex implements DifficultyOrder {
  readonly #rows: IndexedDataset;
  readonly #values: Float64Array | undefined;
  /** End of each row among all ids. */
  #rowEnds: Float64Array | undefined;
  /** The ids, if there is no memory map to read them from. */
  #ids: Int32Array | Float64Array | undefined;
  /** Position of each id, computed at the first request. */
  #places: IdArray | undefined;

  private constructor(rows: IndexedDataset, values: Float64Array | undefined) {
    this.#rows = rows;
    this.#values = values;
  }

  /**
   * @throws {@link StorageError} if a file is missing, {@link FormatError} if the two files do not belong together or
   *   the values do not ascend.
   */
  static openSync({ indexToSamplePath, indexToMetricPath }: DifficultyIndexPaths): DifficultyIndex {
    const rows = IndexedDataset.openSync(indexToSamplePath, { dtypeTable: 'deepspeed' });
    if (indexToMetricPath === undefined) return new DifficultyIndex(rows, undefined);
    const metric = IndexedDataset.openSync(indexToMetricPath, { dtypeTable: 'deepspeed' });
    try {
      const values = numbersOf(metric.readTokens(0, metric.tokenCount));
      checkValues(values, rows, metric.prefix);
      return new DifficultyIndex(rows, values);
    } finally {
      metric.close();
    }
  }

  /** Number of ids in all rows. */
  get length(): number {
    return this.#rows.tokenCount;
  }

  /** Number of ids in each row. */
  get rowSizes(): Int32Array {
    return this.#rows.sizes;
  }

  /** The smallest difficulty, if the values are known. */
  get smallest(): number | undefined {
    return this.#values?.[0];
  }

  placesUpTo(difficulty: number): number {
    if (!this.#values) {
      throw new FormatError('This difficulty index lacks the difficulties of its rows', {
        where: { file: this.#rows.prefix },
        next: 'Pass index_to_metric_path too.',
      });
    }
    this.#rowEnds ??= groupEnds(this.rowSizes);
    return this.#rowEnds[firstAbove(this.#values, difficulty) - 1] ?? 0;
  }

  replaceBySamples(places: Int32Array | Float64Array): void {
    if (this.#rows.isMapped) {
      this.#rows.replaceByTokens(places);
      return;
    }
    this.#ids ??= this.idsBetween(0, this.length);
    for (let k = 0; k < places.length; k++) places[k] = this.#ids[places[k]!]!;
  }

  placeOf(sample: number): number | undefined {
    this.#places ??= invertIds(this.idsBetween(0, this.length));
    const place = this.#places[sample];
    return place === this.length ? undefined : place;
  }

  fingerprint(): string {
    return fingerprint({ kind: 'DifficultyIndex', rows: this.#rows.fingerprint() });
  }

  /** Ids whose difficulty is above `low` and at most `high`. @throws {@link FormatError} without the values. */
  selectByValue(low: number, high: number): SampleIds {
    // Rows ascend, so those in the interval are consecutive.
    const start = this.placesUpTo(low);
    return this.idsBetween(start, Math.max(start, this.placesUpTo(high)));
  }

  /**
   * Ids from share `p0` to `p1` of the sorted samples, in units of 1 / `maxDifficulty`: `(0, 50, 100)` is the easier
   * half. Boundaries are `floor(samples · p / maxDifficulty)`.
   */
  selectByPercentile(p0: number, p1: number, maxDifficulty: number): SampleIds {
    const boundary = (part: number): number =>
      part >= maxDifficulty ? this.length : Math.floor((this.length * part) / maxDifficulty);
    const start = boundary(p0);
    return this.idsBetween(start, Math.max(start, boundary(p1)));
  }

  /** Ids at positions `start … end - 1` of all rows, concatenated. */
  idsBetween(start: number, end: number): SampleIds {
    return numbersOf(this.#rows.readTokens(start, end - start));
  }

  close(): void {
    this.#rows.close();
  }
}

function numbersOf(data: Tensor['data']): Float64Array {
  return Float64Array.from(data as ArrayLike<number>, Number);
}

function checkValues(values: Float64Array, rows: Dataset<Tensor>, file: string): void {
  if (values.length !== rows.length) {
    throw new FormatError(
      `The difficulty index has ${rows.length} rows of samples and ${values.length} values`,
      {
        where: { file },
        next: 'Pass two files of the same analysis. The percentile-merged file has no values.',
      },
    );
  }
  const unsorted = values.findIndex((value, row) => row > 0 && !(value > values[row - 1]!));
  if (unsorted > 0) {
    throw new FormatError('The values of the difficulty index do not ascend', {
      where: { file, row: unsorted, value: values[unsorted]!, before: values[unsorted - 1]! },
      next: 'Analyze the dataset again.',
    });
  }
}
