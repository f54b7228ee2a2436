/** An array to write indices to. */
export type IndexBuffer = Int32Array | Float64Array;

/** An order that can be computed from any position. */
export interface IndexOrder {
  readonly length: number;
  /** Writes the indices from position `start` on to all of `out`, which does not reach past the end. */
  fill(out: IndexBuffer, start: number): void;
  /** Yields the positions of an index, ascending. */
  positionsOf(index: number): Iterable<number>;
}

const longestBlock = 4096;

/**
 * Iterates an order from a position on. It computes indices in blocks, which is much faster than one at a time; a short
 * first block keeps the first index fast.
 */
export class OrderIterator implements IterableIterator<number> {
  readonly #order: IndexOrder;
  #block: IndexBuffer = new Float64Array(0);
  #used = 0;
  #next: number;

  constructor(order: IndexOrder, start: number) {
    this.#order = order;
    this.#next = start;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<number> {
    if (this.#used === this.#block.length && !this.#compute()) return { done: true, value: undefined };
    return { done: false, value: this.#block[this.#used++]! };
  }

  /** Returns the next `count` indices, or all that are left: several times faster than one at a time. */
  take(count: number): number[] {
    const taken = new Array<number>(
      Math.max(0, Math.min(count, this.#block.length - this.#used + this.#order.length - this.#next)),
    );
    for (let filled = 0; filled < taken.length; ) {
      if (this.#used === this.#block.length) this.#compute();
      const end = Math.min(this.#block.length, this.#used + taken.length - filled);
      for (let i = this.#used; i < end; i++) taken[filled++] = this.#block[i]!;
      this.#used = end;
    }
    return taken;
  }

  #compute(): boolean {
    const length = Math.min(
      Math.max(64, this.#block.length * 4),
      longestBlock,
      this.#order.length - this.#next,
    );
    if (length <= 0) return false;
    if (length !== this.#block.length) this.#block = new Float64Array(length);
    this.#order.fill(this.#block, this.#next);
    this.#next += length;
    this.#used = 0;
    return true;
  }
}

/**
 * Yields the positions of an index in an order without an inverse: independent draws. Searches all positions, O(length).
 */
export function* searchPositions(order: IndexOrder, index: number): Generator<number> {
  const block = new Float64Array(longestBlock);
  for (let start = 0; start < order.length; start += longestBlock) {
    const part = block.subarray(0, order.length - start);
    order.fill(part, start);
    for (let at = part.indexOf(index); at >= 0; at = part.indexOf(index, at + 1)) yield start + at;
  }
}

/** The order of a list of indices. */
export function listOrder(indices: IndexBuffer): IndexOrder {
  return {
    length: indices.length,
    fill: (out, start) => out.set(indices.subarray(start, start + out.length)),
    *positionsOf(index) {
      for (let at = indices.indexOf(index); at >= 0; at = indices.indexOf(index, at + 1)) yield at;
    },
  };
}
