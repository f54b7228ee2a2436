// A keyed Feistel network, four numbers at a time. `src/random/keyed-feistel.ts` explains the network and has the
// same computation in plain TypeScript.

/**
 * Runs the numbers `start`, `start + step`, … through six rounds and writes the results to `numbers`. The capacity of
 * `numbers` is a multiple of four.
 *
 * A number is `left << rightBits | right`, with a left half below `leftCount`. `key` has six words. Both halves are
 * below 2^21, the range in which the products in doubles of the TypeScript version are exact too.
 */
export function feistelNumbers(
  key: usize,
  leftCount: i32,
  rightBits: i32,
  start: f64,
  step: f64,
  count: i32,
  numbers: usize,
): void {
  const counts = i32x4.splat(leftCount);
  const shift = 32 - rightBits;
  const scale = f64x2.splat(<f64>(1 << rightBits));
  const mask = i64x2.splat((1 << rightBits) - 1);
  const stride = i64x2.splat(4 * <i64>step);
  let low = i64x2(<i64>start, <i64>(start + step));
  let high = i64x2.add(low, i64x2.splat(2 * <i64>step));
  const keyEnd = key + 24;
  const end = numbers + ((<usize>count) << 3);
  for (; numbers < end; numbers += 32) {
    let left = lowWords(i64x2.shr_u(low, rightBits), i64x2.shr_u(high, rightBits));
    let right = lowWords(v128.and(low, mask), v128.and(high, mask));
    for (let words = key; words < keyEnd; words += 8) {
      left = leftRound(left, right, v128.load32_splat(words), counts);
      right = rightRound(left, right, v128.load32_splat(words, 4), shift);
    }
    v128.store(numbers, joined(left, right, scale));
    v128.store(numbers, joined(upperHalf(left), upperHalf(right), scale), 16);
    low = i64x2.add(low, stride);
    high = i64x2.add(high, stride);
  }
}

/** Adds the upper words of the products of hash and count, then subtracts the count from sums that reach it. */
function leftRound(left: v128, right: v128, key: v128, counts: v128): v128 {
  const hashes = hash(right, key);
  const low = i64x2.extmul_low_i32x4_u(hashes, counts);
  const high = i64x2.extmul_high_i32x4_u(hashes, counts);
  const sum = i32x4.add(left, v128.shuffle<i32>(low, high, 1, 3, 5, 7));
  // For a sum below the count the difference is negative, which is a large number when read as unsigned.
  return i32x4.min_u(sum, i32x4.sub(sum, counts));
}

function rightRound(left: v128, right: v128, key: v128, shift: i32): v128 {
  return v128.xor(right, i32x4.shr_u(hash(left, key), shift));
}

function hash(values: v128, key: v128): v128 {
  const h = i32x4.mul(v128.xor(values, key), i32x4.splat(0x21f0aaad));
  return i32x4.mul(v128.xor(h, i32x4.shr_u(h, 15)), i32x4.splat(0x735a2d97));
}

function lowWords(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
}

/** Joins the lower two of four pairs of halves into numbers. */
function joined(left: v128, right: v128, scale: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_s(left), scale), f64x2.convert_low_i32x4_s(right));
}

function upperHalf(values: v128): v128 {
  return v128.shuffle<i64>(values, values, 1, 1);
}
