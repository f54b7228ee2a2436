// Matsumoto and Nishimura, Mersenne Twister, ACM Transactions on Modeling and Computer Simulation 8(1), 1998.

const size = 624;
const middle = 397;

/** The 32-bit Mersenne Twister, which PyTorch's CPU generator and Python's `random` use. */
export class Mt19937 {
  /** The current block of words, before tempering. */
  readonly words = new Int32Array(size);
  /** Number of words drawn from the block, up to 624; 0 only after seeding, before the first block is generated. */
  position = 0;

  /** Seeds from one word; higher bits of `seed` are ignored. */
  seed(seed: number): void {
    const words = this.words;
    words[0] = seed;
    for (let i = 1; i < size; i++) {
      const previous = words[i - 1]!;
      words[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
    this.position = 0;
  }

  /** Seeds from a list of at least one word; every bit counts. */
  seedFromWords(key: ArrayLike<number>): void {
    this.seed(19650218);
    const words = this.words;
    let i = 1;
    const stir = (multiplier: number, addend: number, sign: 1 | -1): void => {
      const previous = words[i - 1]!;
      words[i] = (words[i]! ^ Math.imul(previous ^ (previous >>> 30), multiplier)) + sign * addend;
      i += 1;
      if (i < size) return;
      words[0] = words[size - 1]!;
      i = 1;
    };
    for (let k = 0; k < Math.max(size, key.length); k++) {
      const j = k % key.length;
      stir(1664525, key[j]! + j, 1);
    }
    for (let k = 1; k < size; k++) stir(1566083941, i, -1);
    words[0] = 0x80000000;
  }

  /** The next 32 bits as an unsigned integer. */
  uint32(): number {
    if (this.position === 0 || this.position === size) this.#nextBlock();
    return temper(this.words[this.position++]!) >>> 0;
  }

  /** Draws `count` words into the start of `out`. */
  fill(out: Uint32Array, count: number): void {
    const words = this.words;
    for (let i = 0; i < count; ) {
      if (this.position === 0 || this.position === size) this.#nextBlock();
      const end = Math.min(size, this.position + count - i);
      for (let k = this.position; k < end; k++) out[i++] = temper(words[k]!);
      this.position = end;
    }
  }

  /** Skips `count` words. */
  skip(count: number): void {
    let left = count;
    while (left > 0) {
      if (this.position === 0 || this.position === size) this.#nextBlock();
      const step = Math.min(left, size - this.position);
      this.position += step;
      left -= step;
    }
  }

  #nextBlock(): void {
    const words = this.words;
    let k = 0;
    for (; k < size - middle; k++) words[k] = words[k + middle]! ^ twist(words[k]!, words[k + 1]!);
    for (; k < size - 1; k++) words[k] = words[k + middle - size]! ^ twist(words[k]!, words[k + 1]!);
    words[k] = words[middle - 1]! ^ twist(words[k]!, words[0]!);
    this.position = 0;
  }
}

function twist(upper: number, lower: number): number {
  return (((upper & 0x80000000) | (lower & 0x7fffffff)) >>> 1) ^ (-(lower & 1) & 0x9908b0df);
}

function temper(word: number): number {
  let y = word ^ (word >>> 11);
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}
