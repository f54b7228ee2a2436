/**
 * The upper 32 bits of the product of two unsigned 32-bit integers.
 *
 * The product in doubles is off by at most 2^10. After subtracting its low word, which `Math.imul` computes exactly,
 * it is within 2^-21 of a multiple of 2^32 in units of 2^32. Faster than four products of 16-bit halves, and much
 * faster than `bigint`.
 */
export function multiplyHigh(a: number, b: number): number {
  return Math.floor((a * b - (Math.imul(a, b) >>> 0)) * 2 ** -32 + 0.5);
}
