import { gramsOf, joined, mixed, wordsOf } from './text-hash.js';

/** Parameters of MinHash with banding. */
export interface MinHashOptions {
  readonly bands: number;
  /** Hashes of a band. */
  readonly rows: number;
  /** Words of an n-gram. */
  readonly n: number;
}

/**
 * The band hashes of a text: integers below 2^53. Two texts whose sets of n-grams have the Jaccard similarity `s` share
 * at least one of them with the probability 1 − (1 − s^rows)^bands.
 *
 * MinHash: Broder, 1997, "On the resemblance and containment of documents". Banding: Leskovec, Rajaraman and Ullman,
 * "Mining of Massive Datasets", chapter 3. O(words × bands × rows).
 */
export function bandHashes(text: string, { bands, rows, n }: MinHashOptions): Float64Array {
  const least = new Uint32Array(bands * rows).fill(0xffffffff);
  for (const gram of new Set(gramsOf(wordsOf(text), n))) {
    const low = gram >>> 0;
    const high = Math.floor(gram / 2 ** 32);
    for (let k = 0; k < least.length; k++) {
      const value = mixed(Math.imul(low, multiplierOf(k)) + Math.imul(high, 0x9e3779b1) + k);
      if (value < least[k]!) least[k] = value;
    }
  }
  const hashes = new Float64Array(bands);
  for (let band = 0; band < bands; band++) {
    let low = band;
    let high = ~band;
    for (let row = 0; row < rows; row++) {
      const value = least[band * rows + row]!;
      low = mixed(Math.imul(low, 31) + value);
      high = mixed(Math.imul(high, 0x01000193) ^ value);
    }
    hashes[band] = joined(low, high);
  }
  return hashes;
}

/** An odd multiplier for each hash function. */
function multiplierOf(k: number): number {
  return mixed(k + 1) | 1;
}
