import { ConfigError } from '../core/errors.js';
import { checkIndex } from '../core/index-range.js';
import { feistelKeyWords, KeyedFeistel } from './keyed-feistel.js';
import { KeyedTable } from './keyed-table.js';
import { expandKey, type OrderKey, philoxKey } from './order-key.js';

/** Up to this length an order is a table of 2 bytes per index: a Feistel network is weakest on short orders. */
const longestTable = 1024;

/**
 * A random order of `0 … n - 1` that is computed, not stored: O(1) time per position and O(1) memory in total, for
 * lengths up to 2^53. The same length and key give the same order on every platform.
 *
 * Up to 1024 elements every order is equally likely, given a random key. Longer orders come from a six-round Feistel
 * network over two unequal halves of the range itself, with cycle walking (Black and Rogaway, Ciphers with Arbitrary
 * Finite Domains, 2002). Use them to shuffle data, not for cryptography. `docs/decisions/0010` reports measurements
 * of their quality.
 *
 * @example
 * ```ts
 * const order = new IndexPermutation(10 ** 12, orderKey(seed, epoch));
 * order.at(0); // the first index of the epoch
 * ```
 */
export class IndexPermutation {
  /** Number of elements. */
  readonly length: number;
  readonly #body: KeyedTable | KeyedFeistel;

  /**
   * @param length - 0 … 2^53.
   * @param key - Selects the order. For the epochs of a run, mix it with {@link orderKey}.
   * @throws {@link ConfigError} if the length is out of range or the key is not an integer.
   */
  constructor(length: number, key: OrderKey) {
    if (!Number.isInteger(length) || length < 0 || length > 2 ** 53) {
      throw new ConfigError('IndexPermutation', [
        { field: 'length', message: `must be a whole number from 0 to 2^53, not ${length}` },
      ]);
    }
    this.length = length;
    this.#body =
      length <= longestTable
        ? new KeyedTable(length, philoxKey(key))
        : new KeyedFeistel(length, expandKey(key, feistelKeyWords));
  }

  /** The index at a position. @throws {@link IndexRangeError} unless the position is in `0 … length - 1`. */
  at(position: number): number {
    checkIndex(position, this.length, 'IndexPermutation');
    return this.#body.at(position);
  }

  /** The position of an index. @throws {@link IndexRangeError} unless the index is in `0 … length - 1`. */
  indexOf(index: number): number {
    checkIndex(index, this.length, 'IndexPermutation');
    return this.#body.indexOf(index);
  }

  /**
   * Writes the indices at positions `start`, `start + step`, … to `out`. Much faster per index than {@link at}.
   *
   * @param start - The first position. @defaultValue 0
   * @param step - The distance between positions, 1 or more: a rank that takes every n-th sample passes n.
   *   @defaultValue 1
   * @param count - Number of indices to write, from the first element of `out` on. @defaultValue all of `out`
   * @returns `out`.
   * @throws {@link IndexRangeError} if a position is outside `0 … length - 1`.
   */
  fill<A extends { readonly length: number; [position: number]: number }>(
    out: A,
    start = 0,
    step = 1,
    count = out.length,
  ): A {
    if (count === 0) return out;
    checkIndex(start, this.length, 'IndexPermutation');
    checkIndex(start + (count - 1) * step, this.length, 'IndexPermutation');
    this.#body.fill(out, count, start, step);
    return out;
  }
}
