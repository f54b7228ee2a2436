import { IndexPermutation, orderKey } from '../random/index.js';
import type { IndexBuffer, IndexOrder } from './index-order.js';

/** What fixes a computed order. */
export interface OrderSettings {
  /** Samples of the dataset. */
  readonly samples: number;
  /** Indices of the order. */
  readonly length: number;
  readonly seed: number;
  readonly epoch: number;
}

/** Passes over all samples, each in an order of its own, until the length is reached. */
export class ShuffledOrder implements IndexOrder {
  readonly length: number;
  readonly #settings: OrderSettings;
  #current: { readonly pass: number; readonly permutation: IndexPermutation } | undefined;

  constructor(settings: OrderSettings) {
    this.length = settings.length;
    this.#settings = settings;
  }

  fill(out: IndexBuffer, start: number): void {
    const { samples } = this.#settings;
    for (let filled = 0; filled < out.length; ) {
      const pass = Math.floor((start + filled) / samples);
      const position = start + filled - pass * samples;
      const part = out.subarray(filled, filled + samples - position);
      this.#permutationOf(pass).fill(part, position);
      filled += part.length;
    }
  }

  #permutationOf(pass: number): IndexPermutation {
    if (this.#current?.pass !== pass) {
      const { samples, seed, epoch } = this.#settings;
      const permutation = new IndexPermutation(samples, orderKey(seed, epoch, `pass ${pass}`));
      this.#current = { pass, permutation };
    }
    return this.#current.permutation;
  }
}
