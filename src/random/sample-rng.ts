import { ConfigError } from '../core/errors.js';
import { PhiloxStream } from './philox.js';
import { StreamRandom } from './stream-random.js';

/**
 * Random numbers for one sample, outside a loader: a stream of Philox4x32-10 whose key is the seed and whose counter
 * is the index and the epoch. Streams of different (seed, epoch, index) never share a block.
 *
 * In a loader use `context.rng`: it also depends on the position in the epoch's order, so that a sample that is drawn
 * twice gets different numbers.
 *
 * @example
 * ```ts
 * const flip = new SampleRng(seed, epoch, index).boolean();
 * ```
 */
export class SampleRng extends StreamRandom {
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
    super(new PhiloxStream([seed >>> 0, Math.floor(seed * 2 ** -32)]).start(index, epoch));
  }
}

function checkRange(field: string, value: number, largest: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return;
  throw new ConfigError('SampleRng', [
    { field, message: `must be a whole number from 0 to ${largest}, not ${value}` },
  ]);
}
