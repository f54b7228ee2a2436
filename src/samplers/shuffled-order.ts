import { orderKey } from '../random/order-key.js';
import { PermutedPasses } from '../random/permuted-passes.js';
import type { IndexBuffer, IndexOrder } from './index-order.js';

/** The parameters of a computed order. */
export interface OrderSettings {
  /** Samples of the dataset. */
  readonly samples: number;
  /** Indices of the order. */
  readonly length: number;
  readonly seed: number;
  readonly epoch: number;
}

/** Passes over all samples, each in its own order, up to the length. */
export class ShuffledOrder implements IndexOrder {
  readonly length: number;
  readonly #passes: PermutedPasses;

  constructor({ samples, length, seed, epoch }: OrderSettings) {
    this.length = length;
    this.#passes = new PermutedPasses(samples, (pass) => orderKey(seed, epoch, `pass ${pass}`));
  }

  fill(out: IndexBuffer, start: number): void {
    this.#passes.fill(out, start);
  }

  positionsOf(index: number): Iterable<number> {
    return this.#passes.positionsOf(index, 0, this.length);
  }
}
