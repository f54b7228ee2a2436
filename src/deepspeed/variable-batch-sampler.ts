import * as v from 'valibot';
import { fingerprint } from '../core/fingerprint.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { BatchSampler } from '../core/sampler.js';
import type { SeqlenBatches } from './batch-by-seqlens.js';

export interface VariableBatchSamplerOptions {
  /** Rank of this process. @defaultValue `0` */
  readonly rank?: number;
  /** Number of processes that share the micro-batches. @defaultValue `1` */
  readonly worldSize?: number;
  /** Packed micro-batches per step of this rank. @defaultValue `1` */
  readonly microBatchesPerStep?: number;
}

const schema = v.pipe(
  v.strictObject({
    rank: v.optional(integerFrom(0), 0),
    worldSize: v.optional(integerFrom(1), 1),
    microBatchesPerStep: v.optional(integerFrom(1), 1),
  }),
  v.forward(
    v.check(({ rank, worldSize }) => rank < worldSize, 'must be below worldSize'),
    ['rank'],
  ),
);

/** One step of one rank. */
export interface VariableBatchStep {
  /** Sequences of all its micro-batches, concatenated. */
  readonly ids: readonly number[];
  /**
   * The length to which each sequence is padded if all sequences of a batch must have one length. Same order as
   * `ids`.
   */
  readonly paddedLengths: readonly number[];
}

/**
 * Distributes the micro-batches of {@link batchBySeqlens} over the ranks: rank `r` of `R` takes numbers `r`, `r + R`,
 * …, `microBatchesPerStep` at a time. The first ones are repeated at the end, so that all ranks have the same number.
 * The order is the same in each epoch. As DeepSpeed's loader for variable batch sizes.
 */
export class VariableBatchSampler implements BatchSampler {
  readonly #packing: SeqlenBatches;
  readonly #options: v.InferOutput<typeof schema>;
  #position = 0;

  /** @throws {@link ConfigError} naming an option that is unknown or out of range. */
  constructor(packing: SeqlenBatches, options: VariableBatchSamplerOptions = {}) {
    this.#packing = packing;
    this.#options = parseOptions('VariableBatchSampler options', schema, options);
  }

  /** The micro-batches. */
  get packing(): SeqlenBatches {
    return this.#packing;
  }

  /** Number of ranks that share the micro-batches. */
  get worldSize(): number {
    return this.#options.worldSize;
  }

  /** Steps per epoch. */
  get length(): number {
    const perRank = Math.ceil(this.#packing.microbatchIds.length / this.#options.worldSize);
    return Math.ceil(perRank / this.#options.microBatchesPerStep);
  }

  /** Returns step `step` of this rank. O(its sequences). */
  stepAt(step: number): VariableBatchStep {
    const { rank, worldSize, microBatchesPerStep } = this.#options;
    const { microbatchIds, batchMaxSeqlens } = this.#packing;
    const perRank = Math.ceil(microbatchIds.length / worldSize);
    const last = Math.min((step + 1) * microBatchesPerStep, perRank);
    const ids: number[] = [];
    const paddedLengths: number[] = [];
    for (let own = step * microBatchesPerStep; own < last; own++) {
      const [batch, sequences] = microbatchIds[(rank + own * worldSize) % microbatchIds.length]!;
      ids.push(...sequences);
      paddedLengths.push(...sequences.map(() => batchMaxSeqlens[batch]!));
    }
    return { ids, paddedLengths };
  }

  /** Makes the next iteration start at step `step`. */
  seek(step: number): void {
    this.#position = step;
  }

  *[Symbol.iterator](): Generator<readonly number[]> {
    const start = this.#position;
    this.#position = 0;
    for (let step = start; step < this.length; step++) yield this.stepAt(step).ids;
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'VariableBatchSampler',
      microBatches: this.#packing.microbatchIds.map(([batch, ids]) => [batch, [...ids]]),
      options: { ...this.#options },
    });
  }
}
