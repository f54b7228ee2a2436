import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { BatchSampler as BatchSamplerContract, Positions, Sampler } from '../core/sampler.js';
import { OrderIterator } from './index-order.js';

export interface BatchSamplerOptions {
  /** Indices per batch. */
  readonly batchSize: number;
  /** Whether to drop a short last batch. Its indices are drawn nevertheless. @defaultValue `false` */
  readonly dropLast?: boolean;
}

const schema = v.strictObject({ batchSize: integerFrom(1), dropLast: v.optional(booleanOption, false) });

/** Groups the indices of a sampler into batches. It seeks and saves its state if the sampler does. */
export class BatchSampler<S extends Sampler = Sampler> implements BatchSamplerContract {
  readonly sampler: S;
  readonly batchSize: number;
  readonly dropLast: boolean;
  /** Each part gets a sample. */
  readonly maxParts: number;
  readonly setEpoch: ((epoch: number) => void) | undefined;
  readonly seek: ((batch: number) => void) | undefined;
  readonly whenSeen: BatchSamplerContract['whenSeen'];
  readonly seekable: S['seekable'];
  readonly elastic: S['elastic'];
  readonly deterministic: S['deterministic'];
  readonly stateDict: (() => JsonObject) | undefined;
  readonly loadStateDict: ((state: JsonObject) => void) | undefined;

  /** @throws {@link ConfigError} naming the option at fault. */
  constructor(sampler: S, options: BatchSamplerOptions) {
    const { batchSize, dropLast } = parseOptions('BatchSampler options', schema, options);
    if (sampler.batchSize !== undefined && sampler.batchSize !== batchSize) {
      const message = `is ${batchSize}, but ${sampler.constructor.name} makes global batches of ${sampler.batchSize}`;
      throw new ConfigError('BatchSampler options', [{ field: 'batchSize', message }]);
    }
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.maxParts = batchSize;
    this.dropLast = dropLast;
    this.setEpoch = sampler.setEpoch?.bind(sampler);
    this.seek = sampler.seek && ((batch) => this.#seek(batch));
    this.whenSeen =
      sampler.whenSeen &&
      ((sample, options = {}) => sampler.whenSeen!(sample, { ...options, batchSize, dropLast }));
    this.seekable = sampler.seekable;
    this.elastic = sampler.elastic;
    this.deterministic = sampler.deterministic;
    this.stateDict = sampler.stateDict?.bind(sampler);
    this.loadStateDict = sampler.loadStateDict?.bind(sampler);
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
    if (indices instanceof OrderIterator) yield* this.#taken(indices);
    else yield* this.#gathered(indices);
  }

  *#taken(indices: OrderIterator): Generator<number[]> {
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

  #seek(batch: number): void {
    const upToEnd = v.pipe(
      integerFrom(0),
      v.maxValue(this.length, `must be at most the length, ${this.length}`),
    );
    parseOptions('BatchSampler.seek', v.strictObject({ batch: upToEnd }), { batch });
    this.sampler.seek?.(Math.min(batch * this.batchSize, this.sampler.length));
  }
}
