import { fingerprint } from '../core/fingerprint.js';
import type { JsonObject } from '../core/json.js';
import { lastOf } from '../core/last-of.js';
import type { BatchSampler, Positions, Sampler } from '../core/sampler.js';

/** From a batch of an epoch on, batches have this many samples. */
export interface SizeChange extends JsonObject {
  readonly epoch: number;
  readonly batch: number;
  readonly size: number;
}

/** Groups the indices of a sampler into batches whose size changes in mid-run. No index is lost or repeated at a change. */
export class SizedBatches implements BatchSampler {
  readonly setEpoch: (epoch: number) => void;
  readonly stateDict: (() => JsonObject) | undefined;
  readonly loadStateDict: ((state: JsonObject) => void) | undefined;
  readonly #sampler: Sampler;
  readonly #changes: readonly SizeChange[];
  readonly #dropLast: boolean;
  #epoch = 0;
  #start = 0;

  /** @param changes - In order; the first is that of epoch 0, batch 0. */
  constructor(sampler: Sampler, changes: readonly SizeChange[], dropLast: boolean) {
    this.#sampler = sampler;
    this.#changes = changes;
    this.#dropLast = dropLast;
    this.setEpoch = (epoch) => {
      this.#epoch = epoch;
      sampler.setEpoch?.(epoch);
    };
    this.stateDict = sampler.stateDict?.bind(sampler);
    this.loadStateDict = sampler.loadStateDict?.bind(sampler);
  }

  get length(): number {
    let batch = 0;
    for (let position = 0; position < this.#sampler.length; batch++) {
      const { size, batches } = this.#runAt(batch);
      const whole = Math.floor((this.#sampler.length - position) / size);
      if (whole < batches) {
        const rest = this.#sampler.length - position - whole * size;
        return batch + whole + (rest > 0 && !this.#dropLast ? 1 : 0);
      }
      position += batches * size;
      batch += batches - 1;
    }
    return batch;
  }

  seek(batch: number): void {
    this.#start = batch;
  }

  *[Symbol.iterator](): Generator<number[]> {
    let batch = this.#start;
    this.#start = 0;
    const position = Math.min(this.#positionOf(batch), this.#sampler.length);
    this.#sampler.seek?.(position);
    const indices = this.#sampler[Symbol.iterator]();
    if (!this.#sampler.seek) for (let k = 0; k < position; k++) indices.next();
    for (; ; batch++) {
      const { size } = this.#runAt(batch);
      const taken: number[] = [];
      for (let next = indices.next(); !next.done; next = indices.next()) {
        taken.push(next.value);
        if (taken.length === size) break;
      }
      if (taken.length === 0 || (taken.length < size && this.#dropLast)) return;
      yield taken;
    }
  }

  positionsOf(batch: number): Positions {
    const { start, step } = this.#sampler.positions ?? { start: 0, step: 1 };
    return { start: start + this.#positionOf(batch) * step, step };
  }

  fingerprint(): string {
    const of = this.#sampler.fingerprint?.() ?? this.#sampler.constructor.name;
    return fingerprint({ kind: 'SizedBatches', of, dropLast: this.#dropLast, changes: [...this.#changes] });
  }

  /** Samples of this epoch before a batch. */
  #positionOf(batch: number): number {
    let position = 0;
    for (let at = 0; at < batch; ) {
      const { size, batches } = this.#runAt(at);
      const count = Math.min(batches, batch - at);
      position += count * size;
      at += count;
    }
    return position;
  }

  /** The size of a batch of this epoch, and how many batches from there on have it. */
  #runAt(batch: number): { readonly size: number; readonly batches: number } {
    const isBehind = ({ epoch, batch: from }: SizeChange) =>
      epoch > this.#epoch || (epoch === this.#epoch && from > batch);
    const next = this.#changes.findIndex(isBehind);
    const { size } = next === -1 ? lastOf(this.#changes) : this.#changes[next - 1]!;
    const change = next === -1 ? undefined : this.#changes[next]!;
    const batches = change?.epoch === this.#epoch ? change.batch - batch : Number.POSITIVE_INFINITY;
    return { size, batches };
  }
}
