import { ShapeError } from '../../core/errors.js';

const maxSize = 2 ** 31 - 1;

/** A list of item lengths that grows: 4 bytes each. */
export class ItemSizes {
  #sizes = new Int32Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Throws {@link ShapeError} unless the format can hold an item of this many elements. */
  check(size: number): void {
    if (Number.isInteger(size) && size >= 0 && size <= maxSize) return;
    throw new ShapeError(`An item cannot have ${size} elements`, {
      where: { size, maxSize },
      next: 'The format counts whole numbers up to 2^31 - 1. Split the item.',
    });
  }

  push(size: number): void {
    this.#reserve(1);
    this.#sizes[this.#count++] = size;
  }

  pushAll(sizes: ArrayLike<number>): void {
    this.#reserve(sizes.length);
    this.#sizes.set(sizes, this.#count);
    this.#count += sizes.length;
  }

  /** A view of all of them, good until the next one comes. */
  toArray(): Int32Array {
    return this.#sizes.subarray(0, this.#count);
  }

  #reserve(extra: number): void {
    if (this.#count + extra <= this.#sizes.length) return;
    const grown = new Int32Array(Math.max(this.#sizes.length * 2, this.#count + extra));
    grown.set(this.toArray());
    this.#sizes = grown;
  }
}
