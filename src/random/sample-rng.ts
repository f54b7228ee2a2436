import type { SampleRandom } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { PhiloxStream } from './philox.js';

/**
 * Random numbers for one sample: a stream of Philox4x32-10 whose key is the seed and whose counter is the index and the
 * epoch. Streams of different (seed, epoch, index) never share a block, so there is nothing to collide or correlate, and
 * making one costs nothing but its few words of memory.
 *
 * @example
 * ```ts
 * const flip = new SampleRng(seed, epoch, index).boolean();
 * ```
 */
export class SampleRng implements SampleRandom {
  readonly #stream: PhiloxStream;
  #spareNormal: number | undefined;

  /**
   * @param seed - 0 … 2^53 - 1.
   * @param epoch - 0 … 2^32 - 1.
   * @param index - 0 … 2^53 - 1.
   * @throws {@link ConfigError} naming the argument that is out of range.
   */
  constructor(seed: number, epoch: number, index: number) {
    checkRange('seed', seed, Number.MAX_SAFE_INTEGER);
    checkRange('epoch', epoch, 2 ** 32 - 1);
    checkRange('index', index, Number.MAX_SAFE_INTEGER);
    this.#stream = new PhiloxStream([seed >>> 0, Math.floor(seed * 2 ** -32)]).start(index, epoch);
  }

  uint32(): number {
    return this.#stream.uint32();
  }

  float(): number {
    return this.#stream.uint53() * 2 ** -53;
  }

  /** Uniform in `low … high - 1`, without bias. @throws {@link ConfigError} unless `low < high`, both whole. */
  integer(low: number, high: number): number {
    if (Number.isSafeInteger(low) && Number.isSafeInteger(high) && low < high && high - low <= 2 ** 53) {
      return low + this.#stream.below(high - low);
    }
    throw new ConfigError('SampleRng.integer', [
      { field: 'high', message: `must be a whole number above low, which is ${low}, not ${high}` },
    ]);
  }

  boolean(probability = 0.5): boolean {
    return this.float() < probability;
  }

  /** Standard normal, by the method of Box and Muller (1958), which makes two at a time. */
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

function checkRange(field: string, value: number, largest: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return;
  throw new ConfigError('SampleRng', [
    { field, message: `must be a whole number from 0 to ${largest}, not ${value}` },
  ]);
}
