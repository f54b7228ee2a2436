import { countUp, indexArray } from './draw-size.js';
import type { Mt19937 } from './mt19937.js';

/** From this length on PyTorch draws two words per element. */
export const longPermutation = Math.floor((2 ** 32 - 1) / 20);

const blockLength = 1024;

/** PyTorch's random permutation below {@link longPermutation}: one word per element except the last. */
export function shortRandperm(engine: Mt19937, length: number): Int32Array | Float64Array {
  const order = countUp(length);
  const words = new Uint32Array(blockLength);
  // Draw a block, then swap: the swaps' memory reads then wait neither for the arithmetic nor for one another.
  for (let start = 0; start < length - 1; start += blockLength) {
    const count = Math.min(blockLength, length - 1 - start);
    engine.fill(words, count);
    for (let k = 0; k < count; k++) words[k] = words[k]! % (length - start - k);
    for (let k = 0; k < count; k++) {
      const i = start + k;
      const j = i + words[k]!;
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
  }
  return order;
}

/**
 * PyTorch's random permutation from {@link longPermutation} on: the shuffle runs from the front, two words per
 * element.
 */
export function longRandperm(engine: Mt19937, length: number): Int32Array | Float64Array {
  const order = indexArray(length);
  for (let i = 0; i < length; i++) {
    const high = engine.uint32();
    const z = remainder64(high, engine.uint32(), i + 1);
    order[i] = i;
    order[i] = order[z]!;
    order[z] = i;
  }
  return order;
}

/** `(high · 2^32 + low) mod divisor` for divisors up to 2^36, in steps of 16 bits, which doubles hold exactly. */
export function remainder64(high: number, low: number, divisor: number): number {
  const rest = high % divisor;
  const middle = remainder(rest * 65536 + (low >>> 16), divisor);
  return remainder(middle * 65536 + (low & 0xffff), divisor);
}

/** `value mod divisor` of integers below 2^53: several times faster than `%` on doubles. */
function remainder(value: number, divisor: number): number {
  const rest = value - Math.floor(value / divisor) * divisor;
  return rest < 0 ? rest + divisor : rest;
}
