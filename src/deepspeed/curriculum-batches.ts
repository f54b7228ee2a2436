import type { BatchSampler, Positions } from '../core/sampler.js';
import type { DeepSpeedDataSampler } from './data-sampler.js';
import type { SamplerSnapshot } from './data-sampler-snapshot.js';

/**
 * The micro-steps of a curriculum sampler, each with the sampler's state right after it was drawn. A loader with
 * workers draws micro-steps long before it delivers them, so each state is kept until its batch is delivered.
 */
export class CurriculumBatches implements BatchSampler {
  readonly #sampler: DeepSpeedDataSampler;
  #snapshots: SamplerSnapshot[] = [];
  #positions: Positions | undefined;
  /**
   * Number of micro-steps by which the state is ahead of the batch. PyTorch draws two per worker in advance, and
   * DeepSpeed saves the state of the last one drawn.
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
    const waiting: { readonly indices: readonly number[]; readonly positions: Positions }[] = [];
    this.#snapshots = [];
    for (let exhausted = false; ; ) {
      while (!exhausted && waiting.length <= this.stateAhead) {
        const drawn = microSteps.next();
        if (drawn.done) exhausted = true;
        else waiting.push({ indices: drawn.value, positions: this.#sampler.positionsOf() });
      }
      const microStep = waiting.shift();
      if (!microStep) return;
      this.#snapshots.push(this.#sampler.snapshot);
      this.#positions = microStep.positions;
      yield microStep.indices;
    }
  }

  /** Positions count over all epochs of the configuration, so a resumed run continues counting. */
  positionsOf(): Positions {
    return this.#positions ?? this.#sampler.positionsOf();
  }

  /** The state of the next batch in the order of delivery. */
  nextSnapshot(): SamplerSnapshot {
    return this.#snapshots.shift() ?? this.#sampler.snapshot;
  }
}
