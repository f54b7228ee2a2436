// Salmon, Moraes, Dror and Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011: Philox4x32 with 10 rounds.
import { multiplyHigh } from './multiply.js';

const rounds = 10;

/** Two words that select a stream. */
export type PhiloxKey = readonly [number, number];

/** Four words that select a block of a stream. */
export type PhiloxCounter = readonly [number, number, number, number];

/** Writes the four random words of a key and a counter to `out`. All words are unsigned. */
export function philox4x32(key: PhiloxKey, counter: PhiloxCounter, out: number[]): void {
  let k0 = key[0];
  let k1 = key[1];
  let c0 = counter[0];
  let c1 = counter[1];
  let c2 = counter[2];
  let c3 = counter[3];
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Streams of one key. Three words of the counter select a stream; the fourth counts its blocks. */
export class PhiloxStream {
  readonly #key: PhiloxKey;
  readonly #counter: [number, number, number, number] = [0, 0, 0, 0];
  readonly #block = [0, 0, 0, 0];
  #used = 4;

  constructor(key: PhiloxKey) {
    this.#key = key;
  }

  /**
   * Moves to the start of a stream. O(1).
   *
   * @param index - 0 … 2^53.
   * @param part - 0 … 2^32 - 1. Streams that differ in index or part never overlap.
   */
  start(index: number, part = 0): this {
    this.#counter[0] = index >>> 0;
    this.#counter[1] = Math.floor(index * 2 ** -32);
    this.#counter[2] = part;
    this.#counter[3] = 0;
    this.#used = 4;
    return this;
  }

  /** The next 32 bits as an unsigned integer. */
  uint32(): number {
    if (this.#used === 4) {
      philox4x32(this.#key, this.#counter, this.#block);
      this.#counter[3] += 1;
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  /** The next 53 bits as an unsigned integer. */
  uint53(): number {
    return (this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6);
  }

  /** Uniform in `0 … range - 1` for a range of up to 2^53, without bias: draws that would cause bias are rejected. */
  below(range: number): number {
    return range <= 2 ** 32 ? this.#narrowBelow(range) : this.#wideBelow(range);
  }

  /** Lemire, Fast Random Integer Generation in an Interval, 2019: the upper half of a product. */
  #narrowBelow(range: number): number {
    let draw = this.uint32();
    let low = Math.imul(draw, range) >>> 0;
    if (low < range) {
      const threshold = (2 ** 32 - range) % range;
      while (low < threshold) {
        draw = this.uint32();
        low = Math.imul(draw, range) >>> 0;
      }
    }
    return multiplyHigh(draw, range);
  }

  #wideBelow(range: number): number {
    const limit = 2 ** 53 - (2 ** 53 % range);
    let draw = this.uint53();
    while (draw >= limit) draw = this.uint53();
    return draw % range;
  }
}
