import type { IndexBuffer, IndexOrder } from './index-order.js';

/** Another order with each index several times in a row, up to the length. */
export class RepeatedOrder implements IndexOrder {
  readonly length: number;
  readonly #order: IndexOrder;
  readonly #repeats: number;

  constructor(order: IndexOrder, repeats: number, length: number) {
    this.#order = order;
    this.#repeats = repeats;
    this.length = length;
  }

  fill(out: IndexBuffer, start: number): void {
    if (out.length === 0) return;
    const repeats = this.#repeats;
    const first = Math.floor(start / repeats);
    const once = new Float64Array(Math.floor((start + out.length - 1) / repeats) - first + 1);
    this.#order.fill(once, first);
    for (let i = 0; i < out.length; i++) out[i] = once[Math.floor((start + i) / repeats) - first]!;
  }

  *positionsOf(index: number): Iterable<number> {
    for (const position of this.#order.positionsOf(index)) {
      const start = position * this.#repeats;
      for (let at = start; at < Math.min(start + this.#repeats, this.length); at++) yield at;
    }
  }
}
