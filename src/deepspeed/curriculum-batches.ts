import type { BatchSampler } from '../core/sampler.js';
import type { DeepSpeedDataSampler } from './data-sampler.js';
import type { SamplerSnapshot } from './data-sampler-snapshot.js';

/**
 * The micro-steps of a curriculum sampler, each with the sampler's state right after it was drawn. A loader with workers
 * draws micro-steps long before it delivers them; the state has to wait for its batch.
 */
export class CurriculumBatches implements BatchSampler {
  readonly #sampler: DeepSpeedDataSampler;
  #snapshots: SamplerSnapshot[] = [];
  /**
   * Micro-steps by which the state runs ahead of the batch. PyTorch draws two a worker in advance, and DeepSpeed hands
   * out the state of the last one drawn.
   */
  stateAhead = 0;

  constructor(sampler: DeepSpeedDataSampler) {
    this.#sampler = sampler;
  }

  get length(): number {
    return this.#sampler.length;
  }

  *[Symbol.iterator](): Generator<readonly number[]> {
    const microSteps = this.#sampler[Symbol.iterator]();
    const waiting: (readonly number[])[] = [];
    this.#snapshots = [];
    for (let exhausted = false; ; ) {
      while (!exhausted && waiting.length <= this.stateAhead) {
        const drawn = microSteps.next();
        if (drawn.done) exhausted = true;
        else waiting.push(drawn.value);
      }
      const microStep = waiting.shift();
      if (!microStep) return;
      this.#snapshots.push(this.#sampler.snapshot);
      yield microStep;
    }
  }

  /** The state that belongs to the next batch in the order of delivery. */
  nextSnapshot(): SamplerSnapshot {
    return this.#snapshots.shift() ?? this.#sampler.snapshot;
  }
}
