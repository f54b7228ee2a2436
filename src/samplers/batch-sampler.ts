import * as v from 'valibot';
import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { BatchSampler as BatchSamplerContract, Sampler } from '../core/sampler.js';

export interface BatchSamplerOptions {
  /** Indices a batch. */
  readonly batchSize: number;
  /** Whether to leave out the last batch when it is short. Its indices are drawn all the same. @defaultValue `false` */
  readonly dropLast?: boolean;
}

const schema = v.strictObject({ batchSize: integerFrom(1), dropLast: v.optional(booleanOption, false) });

/** Groups the indices of a sampler into batches. It can seek, and save its state, where the sampler can. */
export class BatchSampler implements BatchSamplerContract {
  readonly sampler: Sampler;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly setEpoch: ((epoch: number) => void) | undefined;
  readonly seek: ((batch: number) => void) | undefined;
  readonly stateDict: (() => JsonObject) | undefined;
  readonly loadStateDict: ((state: JsonObject) => void) | undefined;

  /** @throws {@link ConfigError} naming the option at fault. */
  constructor(sampler: Sampler, options: BatchSamplerOptions) {
    const { batchSize, dropLast } = parseOptions('BatchSampler options', schema, options);
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.setEpoch = sampler.setEpoch?.bind(sampler);
    this.seek = sampler.seek && ((batch) => this.#seek(batch));
    this.stateDict = sampler.stateDict?.bind(sampler);
    this.loadStateDict = sampler.loadStateDict?.bind(sampler);
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  fingerprint(): string {
    const { sampler, batchSize, dropLast } = this;
    const inner = sampler.fingerprint?.() ?? sampler.constructor.name;
    return fingerprint({ sampler: 'BatchSampler', of: inner, batchSize, dropLast });
  }

  /** Each batch is an array of its own. */
  *[Symbol.iterator](): Generator<number[]> {
    let batch: number[] = [];
    for (const index of this.sampler) {
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
