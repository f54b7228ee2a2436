import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { Positions, Sampler } from '../core/sampler.js';
import type { Sighting } from '../core/sighting.js';
import { type BatchWhenSeenOptions, GroupedIndices } from './grouped-indices.js';
import { OrderIterator } from './index-order.js';

export interface BatchSamplerOptions {
  /** Indices per batch. */
  readonly batchSize: number;
  /** Whether to drop a short last batch. Its indices are drawn nevertheless. @defaultValue `false` */
  readonly dropLast?: boolean;
}

const schema = v.strictObject({ batchSize: integerFrom(1), dropLast: v.optional(booleanOption, false) });

/** Groups the indices of a sampler into batches. It seeks and saves its state if the sampler does. */
export class BatchSampler<S extends Sampler = Sampler> extends GroupedIndices<S> {
  readonly batchSize: number;
  /** Each part gets a sample. */
  readonly maxParts: number;
  readonly setEpoch: ((epoch: number) => void) | undefined;

  /** @throws {@link ConfigError} naming the option at fault. */
  constructor(sampler: S, options: BatchSamplerOptions) {
    const { batchSize, dropLast } = parseOptions('BatchSampler options', schema, options);
    if (sampler.batchSize !== undefined && sampler.batchSize !== batchSize) {
      const message = `is ${batchSize}, but ${sampler.constructor.name} makes global batches of ${sampler.batchSize}`;
      throw new ConfigError('BatchSampler options', [{ field: 'batchSize', message }]);
    }
    super('BatchSampler', sampler, dropLast);
    this.batchSize = batchSize;
    this.maxParts = batchSize;
    this.setEpoch = sampler.setEpoch?.bind(sampler);
  }

  /** Batches per epoch. */
  get length(): number {
    const batches = this.sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  fingerprint(): string {
    const { sampler, batchSize, dropLast } = this;
    const inner = sampler.fingerprint?.() ?? sampler.constructor.name;
    return fingerprint({ sampler: 'BatchSampler', of: inner, batchSize, dropLast });
  }

  positionsOf(batch: number): Positions {
    const { start, step } = this.sampler.positions ?? { start: 0, step: 1 };
    return { start: start + batch * this.batchSize * step, step };
  }

  /** Each batch is a new array. */
  *[Symbol.iterator](): Generator<number[]> {
    const indices = this.sampler[Symbol.iterator]();
    if (!(indices instanceof OrderIterator)) {
      yield* this.#gathered(indices);
      return;
    }
    for (;;) {
      const batch = indices.take(this.batchSize);
      if (batch.length === 0 || (this.dropLast && batch.length < this.batchSize)) return;
      yield batch;
    }
  }

  *#gathered(indices: Iterator<number>): Generator<number[]> {
    let batch: number[] = [];
    for (const index of { [Symbol.iterator]: () => indices }) {
      batch.push(index);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }

  protected override seekTo(batch: number): number {
    return Math.min(batch * this.batchSize, this.sampler.length);
  }

  protected override sightings(sample: number, options: BatchWhenSeenOptions): Sighting[] {
    const { sampler, batchSize, dropLast } = this;
    return sampler.whenSeen!(sample, { ...options, batchSize, dropLast });
  }
}
