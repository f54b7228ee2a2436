// Melissa O'Neill, Developing a seed_seq Alternative, 2015, as in numpy.random.SeedSequence.
import { ConfigError } from '../core/errors.js';
import { toBigInt, wordsOf } from './integer-words.js';

const poolSize = 4;

/** Expands a seed of any size to well-mixed words for a generator: numpy's `SeedSequence`. */
export class SeedSequence {
  readonly #entropy: readonly number[];
  readonly #spawnKey: readonly number[];
  readonly #pool: Uint32Array;
  #children = 0;

  /**
   * @param entropy - An integer of 0 or more, or several.
   * @param spawnKey - Path from the root sequence; see {@link SeedSequence.spawn}. @defaultValue none
   * @throws {@link ConfigError} for a negative or fractional number.
   */
  constructor(entropy: number | bigint | readonly (number | bigint)[], spawnKey: readonly number[] = []) {
    this.#entropy = [entropy].flat().flatMap((value) => wordsOf(unsigned('entropy', value)));
    this.#spawnKey = spawnKey;
    const keyWords = spawnKey.flatMap((value) => wordsOf(unsigned('spawnKey', value)));
    const words = [...this.#entropy];
    if (keyWords.length > 0) while (words.length < poolSize) words.push(0);
    this.#pool = mixPool([...words, ...keyWords]);
  }

  /** Generates `count` 32-bit words. Repeated calls return the same words. */
  generateState(count: number): Uint32Array {
    const state = new Uint32Array(count);
    let constant = 0x8b51f9dd;
    for (let i = 0; i < count; i++) {
      const value = this.#pool[i % poolSize]! ^ constant;
      constant = Math.imul(constant, 0x58f38ded);
      const product = Math.imul(value, constant);
      state[i] = product ^ (product >>> 16);
    }
    return state;
  }

  /** Creates the next `count` children: sequences independent of this one and of each other. */
  spawn(count: number): SeedSequence[] {
    return Array.from({ length: count }, () => {
      const child = new SeedSequence(this.#entropy, [...this.#spawnKey, this.#children]);
      this.#children += 1;
      return child;
    });
  }
}

function mixPool(words: readonly number[]): Uint32Array {
  const pool = new Uint32Array(poolSize);
  let constant = 0x43b0d7e5;
  const hash = (word: number): number => {
    const value = word ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    const product = Math.imul(value, constant);
    return product ^ (product >>> 16);
  };
  const mixInto = (target: number, value: number): void => {
    const mixed = Math.imul(0xca01f9dd, pool[target]!) - Math.imul(0x4973f715, value);
    pool[target] = mixed ^ (mixed >>> 16);
  };
  for (let i = 0; i < poolSize; i++) pool[i] = hash(words[i] ?? 0);
  for (let source = 0; source < poolSize; source++) {
    for (let target = 0; target < poolSize; target++) {
      if (source !== target) mixInto(target, hash(pool[source]!));
    }
  }
  for (const word of words.slice(poolSize)) {
    for (let target = 0; target < poolSize; target++) mixInto(target, hash(word));
  }
  return pool;
}

function unsigned(field: string, value: number | bigint): bigint {
  const integer = toBigInt('SeedSequence', field, value);
  if (integer >= 0n) return integer;
  throw new ConfigError('SeedSequence', [{ field, message: `must be 0 or more, not ${value}` }]);
}
