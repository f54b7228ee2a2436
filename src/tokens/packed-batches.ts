import { IndexPermutation, orderKey } from '../random/index.js';
import { type BudgetOrder, type TwoWayOrder, unshuffled } from './budget-order.js';
import { Packing } from './packing.js';

export interface PackedBatchesOptions {
  /** Tokens per micro-batch. */
  readonly maxTokens: number;
  readonly microBatches: number;
  readonly dropLast: boolean;
  readonly seed: number | undefined;
}

/** Batches whose micro-batches are packed by best fit: their total length is close to the budget. */
export class PackedBatches {
  readonly #packing: Packing;
  readonly #options: PackedBatchesOptions;
  readonly batches: number;
  /** The number of parts that every batch but a short last one can fill. */
  readonly maxParts: number;

  /** @param lengths - At most `maxTokens`; samples of length 0 are dropped. */
  constructor(lengths: Float64Array, options: PackedBatchesOptions) {
    const { maxTokens, microBatches, dropLast, seed } = options;
    this.#packing = new Packing(lengths, {
      rowLength: maxTokens,
      seed: seed ?? 0,
      shuffle: seed !== undefined,
    });
    this.#options = options;
    this.maxParts = microBatches;
    const batches = this.#packing.rows / microBatches;
    this.batches = dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  order(epoch: number): BudgetOrder {
    const { microBatches, seed } = this.#options;
    const { rows } = this.#packing;
    const rowOrder: TwoWayOrder =
      seed === undefined || rows === 0
        ? unshuffled
        : new IndexPermutation(rows, orderKey(seed, epoch, 'rows'));
    const samplesOf = (position: number): number[] =>
      this.#packing.piecesOf(rowOrder.at(position), epoch).map(({ document }) => document);
    return {
      batches: this.batches,
      batchAt: (batch) => {
        const first = batch * microBatches;
        const count = Math.min(microBatches, rows - first);
        return Array.from({ length: count }, (_, k) => samplesOf(first + k)).flat();
      },
      placeOf: (sample) => {
        const [row] = this.#packing.rowsOf(sample, epoch);
        if (row === undefined) return undefined;
        const position = rowOrder.indexOf(row);
        const batch = Math.floor(position / microBatches);
        if (batch >= this.batches) return undefined;
        const before = Array.from({ length: position - batch * microBatches }, (_, k) =>
          samplesOf(batch * microBatches + k),
        ).flat();
        return { batch, position: before.length + samplesOf(position).indexOf(sample) };
      },
    };
  }
}
