import type { Dataset } from '../core/dataset.js';
import { FormatError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { IndexedDataset } from '../formats/indexed-dataset.js';

export interface DifficultyIndexPaths {
  /** Prefix of the rows of sample ids: `<metric>_index_to_sample`, or its percentile-merged form. */
  readonly indexToSamplePath: string;
  /** Prefix of the value of each row: `<metric>_index_to_metric`. Needed to select by value. */
  readonly indexToMetricPath?: string;
}

/** Sample ids, in the order of the index. */
export type SampleIds = Float64Array;

/**
 * Samples sorted by difficulty: rows of ids, each of one difficulty, in ascending order. It reads the files that the
 * analyzer writes; ids are read when they are asked for.
 */
export class DifficultyIndex {
  readonly #rows: IndexedDataset;
  readonly #values: Float64Array | undefined;

  private constructor(rows: IndexedDataset, values: Float64Array | undefined) {
    this.#rows = rows;
    this.#values = values;
  }

  /**
   * @throws {@link StorageError} when a file is missing, {@link FormatError} when the two do not belong together or the
   *   values do not ascend.
   */
  static openSync({ indexToSamplePath, indexToMetricPath }: DifficultyIndexPaths): DifficultyIndex {
    const rows = IndexedDataset.openSync(indexToSamplePath);
    if (indexToMetricPath === undefined) return new DifficultyIndex(rows, undefined);
    const metric = IndexedDataset.openSync(indexToMetricPath);
    try {
      const values = numbersOf(metric.readTokens(0, metric.tokenCount));
      checkValues(values, rows, metric.prefix);
      return new DifficultyIndex(rows, values);
    } finally {
      metric.close();
    }
  }

  /** Ids in all rows together. */
  get length(): number {
    return this.#rows.tokenCount;
  }

  /** Ids in each row. */
  get rowSizes(): Int32Array {
    return this.#rows.sizes;
  }

  /** The smallest difficulty, where the values are known. */
  get smallest(): number | undefined {
    return this.#values?.[0];
  }

  /** Ids whose difficulty is above `low` and at most `high`. @throws {@link FormatError} without the values. */
  selectByValue(low: number, high: number): SampleIds {
    const values = this.#values;
    if (!values) {
      throw new FormatError('This difficulty index does not say the difficulty of its rows', {
        where: { file: this.#rows.prefix },
        next: 'Name index_to_metric_path as well.',
      });
    }
    // Rows ascend, so those in the interval stand together.
    const first = firstAbove(values, low);
    const end = firstAbove(values, high);
    return this.idsBetween(this.#start(first), this.#start(Math.max(first, end)));
  }

  /**
   * Ids at places `p0 … p1` of `maxDifficulty` equal parts of the sorted samples: `(0, 50, 100)` is the easier half.
   * Boundaries are `floor(samples · p / maxDifficulty)`.
   */
  selectByPercentile(p0: number, p1: number, maxDifficulty: number): SampleIds {
    const boundary = (part: number): number =>
      part >= maxDifficulty ? this.length : Math.floor((this.length * part) / maxDifficulty);
    const start = boundary(p0);
    return this.idsBetween(start, Math.max(start, boundary(p1)));
  }

  /** Ids at places `start … end - 1` of all rows, one after the other. */
  idsBetween(start: number, end: number): SampleIds {
    return numbersOf(this.#rows.readTokens(start, end - start));
  }

  close(): void {
    this.#rows.close();
  }

  /** Where row `row` begins among all ids. */
  #start(row: number): number {
    const { sizes } = this.#rows;
    let start = 0;
    for (let i = 0; i < row; i++) start += sizes[i]!;
    return start;
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
        next: 'Name the two files that one analysis wrote; the percentile-merged one has no values.',
      },
    );
  }
  const unsorted = values.findIndex((value, row) => row > 0 && !(value > values[row - 1]!));
  if (unsorted > 0) {
    throw new FormatError('The values of the difficulty index do not ascend', {
      where: { file, row: unsorted, value: values[unsorted]!, before: values[unsorted - 1]! },
      next: 'Analyse the dataset again.',
    });
  }
}

function firstAbove(values: Float64Array, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
