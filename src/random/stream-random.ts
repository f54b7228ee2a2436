import type { SampleRandom } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import type { PhiloxStream } from './philox.js';

/** Random numbers from one Philox4x32-10 stream. */
export class StreamRandom implements SampleRandom {
  readonly #stream: PhiloxStream;
  #spareNormal: number | undefined;

  /** @param stream - Must not be shared. */
  constructor(stream: PhiloxStream) {
    this.#stream = stream;
  }

  uint32(): number {
    return this.#stream.uint32();
  }

  float(): number {
    return this.#stream.uint53() * 2 ** -53;
  }

  /** Uniform in `low … high - 1`, without bias. @throws {@link ConfigError} unless `low < high`, both integers */
  integer(low: number, high: number): number {
    if (Number.isSafeInteger(low) && Number.isSafeInteger(high) && low < high && high - low <= 2 ** 53) {
      return low + this.#stream.below(high - low);
    }
    throw new ConfigError('SampleRng.integer', [
      { field: 'high', message: `must be an integer above low, which is ${low}, not ${high}` },
    ]);
  }

  boolean(probability = 0.5): boolean {
    return this.float() < probability;
  }

  /** Standard normal, by the Box-Muller method (1958), which produces two values at a time. */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    const angle = 2 * Math.PI * this.float();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
