// Melissa O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
// Generation, 2014: the variant XSL-RR 128/64, as in numpy.random.PCG64.
import type { SeedSequence } from './seed-sequence.js';

/** The multiplier 0x2360ed051fc65da44385df649fccf645 as 32-bit words, lowest first. */
const m0 = 0x9fccf645;
const m1 = 0x4385df64;
const m2 = 0x1fc65da4;
const m3 = 0x2360ed05;

const perWord = 2 ** -32;
const mask128 = (1n << 128n) - 1n;

/** numpy's default bit generator, on 32-bit words. */
export class Pcg64 {
  /** Words 0 to 3 hold the state, 4 to 7 the increment, lowest word first. */
  readonly #words = new Uint32Array(8);
  /** The low and high half of the last output. */
  readonly #output = new Uint32Array(2);
  /** Whether the high half of an output is kept for the next {@link Pcg64.uint32}. */
  hasUint32 = false;
  /** The kept half, or the last one that was kept. */
  uinteger = 0;

  constructor(seeds: SeedSequence) {
    // Two words make 64 bits, low word first; two of those make 128 bits, high half first.
    const words = seeds.generateState(8);
    const join = (from: number) =>
      (joined(words.subarray(from, from + 2)) << 64n) | joined(words.subarray(from + 2, from + 4));
    this.increment = ((join(4) << 1n) | 1n) & mask128;
    this.#step();
    this.state = (this.state + join(0)) & mask128;
    this.#step();
  }

  /** The 128-bit state. */
  get state(): bigint {
    return this.#read(0);
  }

  set state(value: bigint) {
    this.#write(0, value);
  }

  /** The 128-bit increment, odd: selects the stream. */
  get increment(): bigint {
    return this.#read(4);
  }

  set increment(value: bigint) {
    this.#write(4, value);
  }

  /** The next 64 bits. */
  uint64(): bigint {
    this.#next();
    return (BigInt(this.#output[1]!) << 32n) | BigInt(this.#output[0]!);
  }

  /** The next 32 bits: the low half of an output, then its high half. */
  uint32(): number {
    if (this.hasUint32) {
      this.hasUint32 = false;
      return this.uinteger;
    }
    this.#next();
    this.hasUint32 = true;
    this.uinteger = this.#output[1]!;
    return this.#output[0]!;
  }

  /** Uniform in `[0, 1)`, 53 bits. */
  float64(): number {
    this.#next();
    return (this.#output[1]! * 2 ** 21 + (this.#output[0]! >>> 11)) * 2 ** -53;
  }

  #next(): void {
    this.#step();
    const words = this.#words;
    const high = words[3]! ^ words[1]!;
    const low = words[2]! ^ words[0]!;
    const rotation = words[3]! >>> 26;
    const upper = rotation < 32 ? high : low;
    const lower = rotation < 32 ? low : high;
    const shift = rotation & 31;
    // A shift by 32 is a shift by 0 in JavaScript, hence two shifts.
    this.#output[0] = (lower >>> shift) | ((upper << 1) << (31 - shift));
    this.#output[1] = (upper >>> shift) | ((lower << 1) << (31 - shift));
  }

  /**
   * `state = state · multiplier + increment`, word by word. The upper halves of the products in one column are summed
   * before rounding, as in `multiplyHigh`: the sum of at most three is off by less than 2^-19.
   */
  #step(): void {
    const words = this.#words;
    const s0 = words[0]!;
    const s1 = words[1]!;
    const s2 = words[2]!;
    const p00 = Math.imul(s0, m0) >>> 0;
    const p01 = Math.imul(s0, m1) >>> 0;
    const p10 = Math.imul(s1, m0) >>> 0;
    const p02 = Math.imul(s0, m2) >>> 0;
    const p11 = Math.imul(s1, m1) >>> 0;
    const p20 = Math.imul(s2, m0) >>> 0;
    const p3 = Math.imul(s0, m3) + Math.imul(s1, m2) + Math.imul(s2, m1) + Math.imul(words[3]!, m0);

    const c0 = p00 + words[4]!;
    const r0 = c0 >>> 0;
    const h1 = Math.floor((s0 * m0 - p00) * perWord + 0.5);
    const c1 = h1 + p01 + p10 + words[5]! + (c0 - r0) * perWord;
    const r1 = c1 >>> 0;
    const h2 = Math.floor((s0 * m1 - p01 + (s1 * m0 - p10)) * perWord + 0.5);
    const c2 = h2 + p02 + p11 + p20 + words[6]! + (c1 - r1) * perWord;
    const r2 = c2 >>> 0;
    const h3 = Math.floor((s0 * m2 - p02 + (s1 * m1 - p11) + (s2 * m0 - p20)) * perWord + 0.5);
    const c3 = h3 + p3 + words[7]! + (c2 - r2) * perWord;

    words[0] = r0;
    words[1] = r1;
    words[2] = r2;
    words[3] = c3;
  }

  #read(from: number): bigint {
    return joined(this.#words.subarray(from, from + 4));
  }

  #write(from: number, value: bigint): void {
    for (let i = 0; i < 4; i++) this.#words[from + i] = Number((value >> BigInt(32 * i)) & 0xffffffffn);
  }
}

/** The number of 32-bit words, lowest first. */
function joined(words: Uint32Array): bigint {
  return words.reduceRight((value, word) => (value << 32n) | BigInt(word), 0n);
}
