import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { lengthOf, type Sized } from '../core/sampler.js';
import { EpochSampler } from './epoch-sampler.js';
import type { IndexOrder } from './index-order.js';

/** The indices `0, 1, 2, …` in every epoch. */
export class SequentialSampler extends EpochSampler {
  readonly elastic = true;
  readonly isSequential = true;
  readonly #source: Sized;

  /** @param source - A dataset, whose length is read each epoch, or a length. */
  constructor(source: Sized) {
    super();
    this.#source = source;
  }

  get length(): number {
    return lengthOf(this.#source);
  }

  fingerprint(): string {
    return fingerprint({ sampler: 'SequentialSampler', length: this.length });
  }

  protected order(): IndexOrder {
    const { length } = this;
    return {
      length,
      fill(out, start) {
        for (let i = 0; i < out.length; i++) out[i] = start + i;
      },
      positionsOf: (index) => {
        checkIndex(index, length, 'SequentialSampler');
        return [index];
      },
    };
  }
}
