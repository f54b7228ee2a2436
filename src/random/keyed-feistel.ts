// Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002: a Feistel network over two unequal halves,
// with cycle walking for the few results that are out of range. The mixing constants are Chris Wellons's (Prospecting
// for Hash Functions, 2018).
import { type FeistelKernel, feistelKernel, kernelBlock, longestForKernel } from './feistel-kernel.js';

/**
 * Pairs of rounds: the first updates the left half from the right one, the second the right half from the left one.
 */
const pairs = 3;

/** Key words of a network. */
export const feistelKeyWords = 2 * pairs;

const blockLength = 512;
const lefts = new Int32Array(blockLength);
const rights = new Int32Array(blockLength);

/**
 * A random order that is computed: position → index, O(1) in memory and time, for lengths up to 2^53.
 *
 * A number is `left · 2^w + right`, where 2^w is about the square root of the length and `left < ceil(length / 2^w)`.
 * So at most one number in `length / 2^w` is out of range and needs cycle walking. If both halves were powers of two,
 * half of all numbers could be out of range.
 */
export class KeyedFeistel {
  readonly #length: number;
  readonly #key: Int32Array;
  readonly #leftCount: number;
  readonly #rightCount: number;
  /** The inverse, exact because the count is a power of two. */
  readonly #perRight: number;
  readonly #rightBits: number;
  /** Keeps the upper w bits of a hash. */
  readonly #rightShift: number;

  /** @param key - {@link feistelKeyWords} words. */
  constructor(length: number, key: Uint32Array) {
    const rightBits = Math.ceil(Math.log2(length) / 2);
    this.#length = length;
    this.#key = new Int32Array(key);
    this.#rightCount = 2 ** rightBits;
    this.#perRight = 1 / this.#rightCount;
    this.#leftCount = Math.ceil(length / this.#rightCount);
    this.#rightBits = rightBits;
    this.#rightShift = 32 - rightBits;
  }

  at(position: number): number {
    let number = position;
    do number = this.#forward(number);
    while (number >= this.#length);
    return number;
  }

  indexOf(index: number): number {
    let number = index;
    do number = this.#backward(number);
    while (number >= this.#length);
    return number;
  }

  /**
   * @param kernel - The kernel to use; `null` for plain TypeScript with the same results. @defaultValue the faster
   *   one
   */
  fill(
    out: { [position: number]: number },
    count: number,
    start: number,
    step: number,
    kernel: FeistelKernel | null = feistelKernel(count),
  ): void {
    if (kernel && this.#length <= longestForKernel) this.#fillByKernel(kernel, out, count, start, step);
    else this.#fillPlainly(out, count, start, step);
  }

  #fillByKernel(
    kernel: FeistelKernel,
    out: { [position: number]: number },
    count: number,
    start: number,
    step: number,
  ): void {
    const length = this.#length;
    const { numbers } = kernel;
    for (let base = 0; base < count; base += kernelBlock) {
      const block = Math.min(kernelBlock, count - base);
      kernel.run(this.#key, this.#leftCount, this.#rightBits, start + base * step, step, block);
      for (let i = 0; i < block; i++) {
        let number = numbers[i]!;
        while (number >= length) number = this.#forward(number);
        out[base + i] = number;
      }
    }
  }

  #fillPlainly(out: { [position: number]: number }, count: number, start: number, step: number): void {
    const length = this.#length;
    const rightCount = this.#rightCount;
    const perRight = this.#perRight;
    for (let base = 0; base < count; base += blockLength) {
      const block = Math.min(blockLength, count - base);
      for (let i = 0; i < block; i++) {
        const position = start + (base + i) * step;
        const left = Math.floor(position * perRight);
        lefts[i] = left;
        rights[i] = position - left * rightCount;
      }
      this.#rounds(block);
      for (let i = 0; i < block; i++) {
        let number = lefts[i]! * rightCount + rights[i]!;
        while (number >= length) number = this.#forward(number);
        out[base + i] = number;
      }
    }
  }

  #rounds(count: number): void {
    for (let pair = 0; pair < pairs; pair++) {
      roundPair(count, this.#leftCount, this.#rightShift, this.#key[2 * pair]!, this.#key[2 * pair + 1]!);
    }
  }

  #forward(number: number): number {
    let left = Math.floor(number * this.#perRight);
    let right = number - left * this.#rightCount;
    for (let pair = 0; pair < pairs; pair++) {
      left = wrap(left + this.#leftStep(right, pair), this.#leftCount);
      right ^= this.#rightStep(left, pair);
    }
    return left * this.#rightCount + right;
  }

  #backward(number: number): number {
    let left = Math.floor(number * this.#perRight);
    let right = number - left * this.#rightCount;
    for (let pair = pairs - 1; pair >= 0; pair--) {
      right ^= this.#rightStep(left, pair);
      left = wrap(left - this.#leftStep(right, pair) + this.#leftCount, this.#leftCount);
    }
    return left * this.#rightCount + right;
  }

  #leftStep(right: number, pair: number): number {
    return ((hash(right, this.#key[2 * pair]!) >>> 0) * (this.#leftCount * 2 ** -32)) | 0;
  }

  #rightStep(left: number, pair: number): number {
    return hash(left, this.#key[2 * pair + 1]!) >>> this.#rightShift;
  }
}

/**
 * Applies one pair of rounds to the first `count` halves. Within a pass the numbers are independent, so the processor
 * computes several at once: more than twice as fast as running each number through all rounds in turn.
 */
function roundPair(
  count: number,
  leftCount: number,
  rightShift: number,
  leftKey: number,
  rightKey: number,
): void {
  const leftScale = leftCount * 2 ** -32;
  for (let i = 0; i < count; i++) {
    const right = rights[i]!;
    const left = wrap(lefts[i]! + (((hash(right, leftKey) >>> 0) * leftScale) | 0), leftCount);
    lefts[i] = left;
    rights[i] = right ^ (hash(left, rightKey) >>> rightShift);
  }
}

/** Reduces a sum of two numbers below `count` modulo `count`, without a branch that could be mispredicted. */
function wrap(sum: number, count: number): number {
  const rest = sum - count;
  return rest + (count & (rest >> 31));
}

/** A 32-bit hash whose upper bits depend on every bit of `value` and `key`; signed, which engines compute faster. */
function hash(value: number, key: number): number {
  const h = Math.imul(value ^ key, 0x21f0aaad);
  return Math.imul(h ^ (h >>> 15), 0x735a2d97);
}
