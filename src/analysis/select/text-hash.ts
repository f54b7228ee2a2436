/** Splits a text into words: runs of letters, marks and digits, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** A 53-bit hash of a text: two lanes of FNV-1a's kind over UTF-16 units, each finished by MurmurHash3's mixer. */
export function textHash(text: string, seed = 0): number {
  let low = 0x811c9dc5 ^ seed;
  let high = 0x9e3779b9 ^ Math.imul(seed, 0x85ebca6b);
  for (let k = 0; k < text.length; k++) {
    const unit = text.charCodeAt(k);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995) ^ (high >>> 15);
  }
  return joined(mixed(low ^ text.length), mixed(high + text.length));
}

/** MurmurHash3's final mix of 32 bits. */
export function mixed(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Joins 32 and 21 bits to an integer below 2^53. */
export function joined(low: number, high: number): number {
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

/** A number in [0, 1) that follows from a hash and a purpose. */
export function shareOfHash(hash: number, purpose: string): number {
  const seed = textHash(purpose) >>> 0;
  const low = mixed((hash >>> 0) ^ seed);
  const high = mixed(Math.floor(hash / 2 ** 32) ^ low);
  return joined(low, high) / 2 ** 53;
}

/** Hashes of all runs of `n` consecutive words; of all words together if there are fewer. */
export function gramsOf(words: readonly string[], n: number): number[] {
  if (words.length <= n) return [textHash(words.join(' '))];
  return Array.from({ length: words.length - n + 1 }, (_, k) => textHash(words.slice(k, k + n).join(' ')));
}
