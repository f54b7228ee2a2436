import { orderKey, philoxKey } from '../random/order-key.js';
import { PhiloxStream } from '../random/philox.js';
import type { AliasTable } from './alias-table.js';
import { type IndexBuffer, type IndexOrder, listOrder, searchPositions } from './index-order.js';

/** The parameters of an epoch's draws. */
export interface WeightedSettings {
  readonly length: number;
  readonly seed: number;
  readonly epoch: number;
}

/** Independent draws by weight. Each position has its own random stream, so any position costs O(1). */
export class WeightedOrder implements IndexOrder {
  readonly length: number;
  readonly #columns: number;
  readonly #table: AliasTable;
  readonly #stream: PhiloxStream;

  constructor(columns: number, table: AliasTable, { length, seed, epoch }: WeightedSettings) {
    this.length = length;
    this.#columns = columns;
    this.#table = table;
    this.#stream = new PhiloxStream(philoxKey(orderKey(seed, epoch, 'weighted')));
  }

  fill(out: IndexBuffer, start: number): void {
    for (let i = 0; i < out.length; i++) {
      const stream = this.#stream.start(start + i);
      out[i] = this.#table.at(stream.below(this.#columns), stream.uint53() * 2 ** -53);
    }
  }

  positionsOf(index: number): Iterable<number> {
    return searchPositions(this, index);
  }
}

/**
 * Draws by weight without replacement: each index receives an exponential random number divided by its weight; the smallest come first
 * (Efraimidis and Spirakis, Weighted Random Sampling with a Reservoir, 2006). O(n log n) time, 16 bytes per index.
 */
export function raceOrder(weights: Float64Array, { length, seed, epoch }: WeightedSettings): IndexOrder {
  const stream = new PhiloxStream(philoxKey(orderKey(seed, epoch, 'race')));
  const times = weights.map((weight, i) => {
    const exponential = -Math.log1p(-stream.start(i).uint53() * 2 ** -53);
    return weight > 0 ? exponential / weight : Number.POSITIVE_INFINITY;
  });
  // Sorting numbers is many times faster than sorting indices with a comparator, so use a comparator for the selected ones only.
  const last = times.toSorted()[length - 1]!;
  const winners = Float64Array.from(times.keys()).filter((i) => times[i]! <= last);
  return listOrder(winners.sort((i, j) => times[i]! - times[j]! || i - j).subarray(0, length));
}
