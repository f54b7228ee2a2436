import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import { toBigInt, wordsOf } from './integer-words.js';
import { Mt19937 } from './mt19937.js';

const bitsSchema = v.strictObject({ bits: integerFrom(0) });
const stopSchema = v.strictObject({ stop: integerFrom(1) });

/** An array or a typed array. */
interface Swappable<T> {
  readonly length: number;
  [index: number]: T;
}

/** Python's `random.Random(seed)` for integer seeds, bit for bit. */
export class PythonRandom {
  readonly #engine = new Mt19937();

  /** @param seed - Any integer; its sign is ignored, as in Python. @throws {@link ConfigError} for other values */
  constructor(seed: number | bigint) {
    const value = toBigInt('PythonRandom', 'seed', seed);
    this.#engine.seedFromWords(wordsOf(value < 0n ? -value : value));
  }

  /** Uniform in `[0, 1)`, 53 bits. */
  random(): number {
    const high = this.#engine.uint32() >>> 5;
    return (high * 2 ** 26 + (this.#engine.uint32() >>> 6)) * 2 ** -53;
  }

  /**
   * An integer of `bits` random bits: a number up to 53 bits, a `bigint` beyond.
   *
   * @throws {@link ConfigError} unless `bits` is an integer of 0 or more.
   */
  getrandbits(bits: number): number | bigint {
    parseOptions('PythonRandom.getrandbits', bitsSchema, { bits });
    return bits <= 53 ? this.#bits(bits) : this.#bigBits(bits);
  }

  /** Uniform in `0 … stop - 1`. @throws {@link ConfigError} unless `stop` is an integer of 1 or more */
  randrange(stop: number): number {
    parseOptions('PythonRandom.randrange', stopSchema, { stop });
    return this.#below(stop);
  }

  /** Shuffles in place. */
  shuffle<T>(array: Swappable<T>): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      const kept = array[i]!;
      array[i] = array[j]!;
      array[j] = kept;
    }
  }

  /** Draws as many bits as the range has, until the value is in the range. */
  #below(range: number): number {
    const bits = bitLength(range);
    let draw = this.#bits(bits);
    while (draw >= range) draw = this.#bits(bits);
    return draw;
  }

  /** Whole words, lowest first; the last one contributes its upper bits. */
  #bigBits(bits: number): bigint {
    let value = 0n;
    for (let drawn = 0; drawn < bits; drawn += 32) {
      const word = this.#bits(Math.min(32, bits - drawn));
      value |= BigInt(word) << BigInt(drawn);
    }
    return value;
  }

  #bits(bits: number): number {
    if (bits === 0) return 0;
    if (bits <= 32) return this.#engine.uint32() >>> (32 - bits);
    const low = this.#engine.uint32();
    return (this.#engine.uint32() >>> (64 - bits)) * 2 ** 32 + low;
  }
}

function bitLength(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(value);
}
