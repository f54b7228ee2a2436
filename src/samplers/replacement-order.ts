import { orderKey, philoxKey } from '../random/order-key.js';
import { PhiloxStream } from '../random/philox.js';
import { type IndexBuffer, type IndexOrder, searchPositions } from './index-order.js';
import type { OrderSettings } from './shuffled-order.js';

/** Independent uniform draws. Each position has its own random stream, so any position costs O(1). */
export class ReplacementOrder implements IndexOrder {
  readonly length: number;
  readonly #samples: number;
  readonly #stream: PhiloxStream;

  constructor({ samples, length, seed, epoch }: OrderSettings) {
    this.length = length;
    this.#samples = samples;
    this.#stream = new PhiloxStream(philoxKey(orderKey(seed, epoch, 'replacement')));
  }

  fill(out: IndexBuffer, start: number): void {
    for (let i = 0; i < out.length; i++) out[i] = this.#stream.start(start + i).below(this.#samples);
  }

  positionsOf(index: number): Iterable<number> {
    return searchPositions(this, index);
  }
}
