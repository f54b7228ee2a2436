import { multiplyHigh } from './multiply.js';
import type { Pcg64 } from './pcg64.js';

// numpy has two methods for an integer in 0 … max. `integers` and `choice` use Lemire's (Fast Random Integer
// Generation in an Interval, 2019); `shuffle` and `permutation` use masked rejection.

const max32 = 0xffffffff;
const max64 = (1n << 64n) - 1n;

/** Masked rejection of an integer in `0 … max`, for `max` up to 2^53. */
export function masked(engine: Pcg64, max: number): number {
  if (max === 0) return 0;
  if (max > max32) return maskedWide(engine, BigInt(max));
  const mask = max32 >>> Math.clz32(max);
  for (;;) {
    const draw = (engine.uint32() & mask) >>> 0;
    if (draw <= max) return draw;
  }
}

function maskedWide(engine: Pcg64, max: bigint): number {
  const mask = (1n << BigInt(max.toString(2).length)) - 1n;
  for (;;) {
    const draw = engine.uint64() & mask;
    if (draw <= max) return Number(draw);
  }
}

/** Lemire's method for an integer in `0 … max`, for `max` up to 2^32 - 1. */
export function lemire32(engine: Pcg64, max: number): number {
  if (max === 0) return 0;
  if (max === max32) return engine.uint32();
  const range = max + 1;
  let draw = engine.uint32();
  let low = Math.imul(draw, range) >>> 0;
  if (low < range) {
    const threshold = (max32 - max) % range;
    while (low < threshold) {
      draw = engine.uint32();
      low = Math.imul(draw, range) >>> 0;
    }
  }
  return multiplyHigh(draw, range);
}

/** Lemire's method for an integer in `0 … max`, for `max` up to 2^64 - 1. Ranges below 2^32 use 32-bit draws. */
export function lemire64(engine: Pcg64, max: bigint): bigint {
  if (max <= BigInt(max32)) return BigInt(lemire32(engine, Number(max)));
  if (max === max64) return engine.uint64();
  const range = max + 1n;
  let product = engine.uint64() * range;
  if ((product & max64) < range) {
    const threshold = (max64 - max) % range;
    while ((product & max64) < threshold) product = engine.uint64() * range;
  }
  return product >> 64n;
}

/**
 * Integers in `0 … max` of 8 or 16 bits, or of one bit: each 32-bit draw is consumed from its low end. Leftover bits
 * last for one call of `integers` only, so create a new function for each call.
 */
export function narrowDraws(engine: Pcg64, bits: 1 | 8 | 16, max: number): () => number {
  let word = 0;
  let left = 0;
  const next = (): number => {
    if (left === 0) {
      word = engine.uint32();
      left = 32;
    } else {
      word >>>= bits;
    }
    left -= bits;
    return word & (2 ** bits - 1);
  };
  const whole = 2 ** bits;
  const range = max + 1;
  if (max === 0) return () => 0;
  if (range === whole) return next;
  const threshold = whole % range;
  return () => {
    let product = next() * range;
    while (product % whole < threshold) product = next() * range;
    return Math.floor(product / whole);
  };
}
