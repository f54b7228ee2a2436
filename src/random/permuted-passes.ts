import { IndexPermutation } from './index-permutation.js';
import type { OrderKey } from './order-key.js';

/**
 * An endless order over `0 … length - 1`: pass after pass, each in its own random order. Any position is computed in
 * O(1).
 */
export class PermutedPasses {
  /** Elements per pass. */
  readonly length: number;
  readonly #keyOf: (pass: number) => OrderKey;
  #pass = -1;
  #permutation: IndexPermutation | undefined;

  /**
   * @param length - 1 or more.
   * @param keyOf - The key of a pass's order.
   */
  constructor(length: number, keyOf: (pass: number) => OrderKey) {
    this.length = length;
    this.#keyOf = keyOf;
  }

  /** The index at a position, `0 … 2^53`. */
  at(position: number): number {
    const pass = Math.floor(position / this.length);
    return this.#order(pass).at(position - pass * this.length);
  }

  /** Writes `count` indices, starting at a position, to the first elements of `out`. */
  fill(out: Int32Array | Float64Array, position: number, count = out.length): void {
    for (let filled = 0; filled < count; ) {
      const pass = Math.floor((position + filled) / this.length);
      const start = position + filled - pass * this.length;
      const part = Math.min(count - filled, this.length - start);
      // Usually one pass covers all of them; creating a view would cost as much as a few dozen indices.
      const target = filled === 0 ? out : out.subarray(filled);
      this.#order(pass).fill(target, start, 1, part);
      filled += part;
    }
  }

  /** The position, in the whole order, at which an index occurs in a pass. */
  positionOf(index: number, pass: number): number {
    return pass * this.length + this.#order(pass).indexOf(index);
  }

  /** Positions of an index in `start … end - 1`, ascending. O(passes in that range). */
  *positionsOf(index: number, start: number, end: number): Generator<number> {
    for (let pass = Math.floor(start / this.length); pass * this.length < end; pass++) {
      const position = this.positionOf(index, pass);
      if (position >= start && position < end) yield position;
    }
  }

  #order(pass: number): IndexPermutation {
    if (this.#pass !== pass || !this.#permutation) {
      this.#permutation = new IndexPermutation(this.length, this.#keyOf(pass));
      this.#pass = pass;
    }
    return this.#permutation;
  }
}
