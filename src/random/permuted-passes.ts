import { IndexPermutation } from './index-permutation.js';
import type { OrderKey } from './order-key.js';

/**
 * An order without end over `0 … length - 1`: pass after pass, each in an order of its own. Any place of it is computed in O(1).
 */
export class PermutedPasses {
  /** Elements of a pass. */
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

  /** The index at a place, `0 … 2^53`. */
  at(place: number): number {
    const pass = Math.floor(place / this.length);
    return this.#order(pass).at(place - pass * this.length);
  }

  /** Writes `count` indices from a place on to the first elements of `out`. */
  fill(out: Int32Array | Float64Array, place: number, count = out.length): void {
    for (let filled = 0; filled < count; ) {
      const pass = Math.floor((place + filled) / this.length);
      const position = place + filled - pass * this.length;
      const part = Math.min(count - filled, this.length - position);
      // Most often all are of one pass; a view would cost as much as a few dozen indices.
      const target = filled === 0 ? out : out.subarray(filled);
      this.#order(pass).fill(target, position, 1, part);
      filled += part;
    }
  }

  /** The place at which an index comes in a pass. */
  placeOf(index: number, pass: number): number {
    return pass * this.length + this.#order(pass).indexOf(index);
  }

  /** Places in `start … end - 1` at which an index comes, ascending. O(passes among them). */
  *placesOf(index: number, start: number, end: number): Generator<number> {
    for (let pass = Math.floor(start / this.length); pass * this.length < end; pass++) {
      const place = this.placeOf(index, pass);
      if (place >= start && place < end) yield place;
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
