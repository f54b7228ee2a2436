import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { firstIds, groupEnds, type IdArray, invertIds, sortByNumber } from '../core/sort-by-value.js';
import type { DifficultyOrder } from './difficulty-order.js';

/**
 * A difficulty index in memory, made from the difficulty of each sample. Samples of equal difficulty keep their
 * order.
 *
 * @example
 * ```ts
 * const lengths = new DifficultyValues(documents.map(({ length }) => length));
 * ```
 */
export class DifficultyValues implements DifficultyOrder {
  readonly length: number;
  readonly #distinct: Float64Array;
  /** Number of samples up to the end of each distinct value. */
  readonly #ends: Float64Array;
  readonly #ids: IdArray;
  #places: IdArray | undefined;

  /**
   * @param values - Shape `[n]`: the difficulty of each sample, finite.
   * @throws {@link ConfigError} naming the sample whose difficulty is not a finite number.
   * @remarks O(n) time for integers in a small range, O(n log n) otherwise; 4 bytes per sample.
   */
  constructor(values: ArrayLike<number>) {
    const copied = Float64Array.from(values);
    const wrong = copied.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      const message = `must be a finite number, not ${copied[wrong]}`;
      throw new ConfigError('DifficultyValues', [{ field: `values.${wrong}`, message }]);
    }
    const { distinct, counts, ids } = sortByNumber(copied, firstIds(copied.length));
    this.length = copied.length;
    this.#distinct = distinct;
    this.#ends = groupEnds(counts);
    this.#ids = ids;
  }

  get smallest(): number | undefined {
    return this.#distinct[0];
  }

  placesUpTo(difficulty: number): number {
    return this.#ends[firstAbove(this.#distinct, difficulty) - 1] ?? 0;
  }

  replaceBySamples(places: Int32Array | Float64Array): void {
    for (let k = 0; k < places.length; k++) places[k] = this.#ids[places[k]!]!;
  }

  placeOf(sample: number): number | undefined {
    this.#places ??= invertIds(this.#ids);
    const place = this.#places[sample];
    return place === this.length ? undefined : place;
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'DifficultyValues',
      ids: fingerprintBytes(this.#ids),
      ends: fingerprintBytes(this.#ends),
      distinct: fingerprintBytes(this.#distinct),
    });
  }
}
