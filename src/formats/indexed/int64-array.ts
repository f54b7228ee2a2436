/** 64-bit integers of a file as JavaScript numbers, and back: little endian, exact up to 2^53. */

const highUnit = 2 ** 32;

/**
 * Reads `count` signed 64-bit integers. Numbers above 2^53 lose their lowest bits, which no file offset needs.
 *
 * @param bytes - At any alignment.
 */
export function readInt64Array(bytes: Uint8Array, byteOffset: number, count: number): Float64Array {
  const words = new Int32Array(bytes.slice(byteOffset, byteOffset + 8 * count).buffer);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) out[i] = words[2 * i + 1]! * highUnit + (words[2 * i]! >>> 0);
  return out;
}

/** The low and high words of `values[start … end - 1]`, truncated to whole numbers and wrapped to 64 bits. */
export function int64Words(values: ArrayLike<number>, start = 0, end = values.length): Uint32Array {
  const words = new Uint32Array(2 * (end - start));
  for (let i = start, word = 0; i < end; i++) {
    const value = Math.trunc(values[i]!);
    words[word++] = value;
    words[word++] = Math.floor(value / highUnit);
  }
  return words;
}
