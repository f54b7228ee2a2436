// Walker, An Efficient Method for Generating Discrete Random Variables with General Distributions, 1977, built in linear
// time: Vose, A Linear Algorithm for Generating Random Numbers with a Given Distribution, 1991.

/**
 * Draws an index by weight in O(1): every index has a column of the same width, shares it with at most one other index,
 * and a coin decides between them.
 */
export class AliasTable {
  readonly #kept: Float64Array;
  readonly #alias: Uint32Array;

  /** @param weights - 0 or more, not all 0, at most 2^32. O(n) time, 12 bytes each. */
  constructor(weights: Float64Array) {
    const { length } = weights;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const left = weights.map((weight) => (weight / sum) * length);
    // Columns left over by rounding keep their index, unless its weight is 0.
    const heaviest = weights.reduce((best, weight, i) => (weight > weights[best]! ? i : best), 0);
    this.#kept = weights.map((weight) => (weight > 0 ? 1 : 0));
    this.#alias = new Uint32Array(length).fill(heaviest);
    this.#pair(left);
  }

  /** The index that `column`, uniform in `0 … n - 1`, and `coin`, uniform in `[0, 1)`, stand for. */
  at(column: number, coin: number): number {
    return coin < this.#kept[column]! ? column : this.#alias[column]!;
  }

  /** Fills the rest of each column with part of an index whose weight exceeds its own column. */
  #pair(left: Float64Array): void {
    const short = new Uint32Array(left.length);
    const long = new Uint32Array(left.length);
    let shorts = 0;
    let longs = 0;
    for (let i = 0; i < left.length; i++) {
      if (left[i]! < 1) short[shorts++] = i;
      else long[longs++] = i;
    }
    while (shorts > 0 && longs > 0) {
      const poor = short[--shorts]!;
      const rich = long[longs - 1]!;
      this.#kept[poor] = left[poor]!;
      this.#alias[poor] = rich;
      left[rich] = left[rich]! + left[poor]! - 1;
      if (left[rich]! >= 1) continue;
      longs -= 1;
      short[shorts++] = rich;
    }
  }
}
