import { loadBytes, sumOf, upperHalf } from './image-vectors';

// Kernels for bytes without a shape: levels from 0 to 255.

/** Replaces each level by that of a table of 256. */
export function mapLevels(source: usize, count: i32, table: usize, target: usize): void {
  const end = source + count;
  for (; source + 8 <= end; source += 8, target += 8) {
    const eight = load<u64>(source);
    store<u8>(target, load<u8>(table + <usize>(eight & 255)));
    store<u8>(target, load<u8>(table + <usize>((eight >> 8) & 255)), 1);
    store<u8>(target, load<u8>(table + <usize>((eight >> 16) & 255)), 2);
    store<u8>(target, load<u8>(table + <usize>((eight >> 24) & 255)), 3);
    store<u8>(target, load<u8>(table + <usize>((eight >> 32) & 255)), 4);
    store<u8>(target, load<u8>(table + <usize>((eight >> 40) & 255)), 5);
    store<u8>(target, load<u8>(table + <usize>((eight >> 48) & 255)), 6);
    store<u8>(target, load<u8>(table + <usize>(eight >> 56)), 7);
  }
  for (; source < end; source++, target++) store<u8>(target, load<u8>(table + <usize>load<u8>(source)));
}

/** Counts each level: `counts` receives four rows of 256 numbers (u32), whose sum is the histogram. */
export function countLevels(source: usize, count: i32, counts: usize): void {
  memory.fill(counts, 0, 4 * 4 * 256);
  const end = source + count;
  // Neighbors often have the same level: with rows of their own, none waits for the one before.
  for (; source + 4 <= end; source += 4) {
    const four = load<u32>(source);
    add1(counts + ((<usize>four & 255) << 2));
    add1(counts + 1024 + ((<usize>(four >> 8) & 255) << 2));
    add1(counts + 2048 + ((<usize>(four >> 16) & 255) << 2));
    add1(counts + 3072 + ((<usize>(four >> 24)) << 2));
  }
  for (; source < end; source++) add1(counts + ((<usize>load<u8>(source)) << 2));
}

function add1(address: usize): void {
  store<u32>(address, load<u32>(address) + 1);
}

/** The lowest level, and the highest times 256. At least 16 bytes. */
export function levelRange(source: usize, count: i32): i32 {
  let low = i8x16.splat(-1);
  let high = i8x16.splat(0);
  for (let i = 0; i < count; i += 16) {
    i = min(i, count - 16);
    const bytes = v128.load(source + i);
    low = i8x16.min_u(low, bytes);
    high = i8x16.max_u(high, bytes);
  }
  low = i8x16.min_u(low, v128.shuffle<i64>(low, low, 1, 1));
  high = i8x16.max_u(high, v128.shuffle<i64>(high, high, 1, 1));
  let lowest: u64 = i64x2.extract_lane(low, 0);
  let highest: u64 = i64x2.extract_lane(high, 0);
  let lowByte: i32 = 255;
  let highByte: i32 = 0;
  for (let k = 0; k < 8; k++, lowest >>= 8, highest >>= 8) {
    lowByte = min(lowByte, <i32>(lowest & 255));
    highByte = max(highByte, <i32>(highest & 255));
  }
  return lowByte | (highByte << 8);
}

/** Bytes that are summed in 32 bits before they are added to the whole. */
const SUMMED: i32 = 1 << 22;

/** The sum of all levels. */
export function sumOfLevels(source: usize, count: i32): f64 {
  const whole = count & ~15;
  let total: f64 = 0;
  for (let start = 0; start < whole; start += SUMMED) {
    const end = min(whole, start + SUMMED);
    let sums = i32x4.splat(0);
    for (let i = start; i < end; i += 16) {
      const pairs = i16x8.extadd_pairwise_i8x16_u(v128.load(source + i));
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(pairs));
    }
    total +=
      <f64>i32x4.extract_lane(sums, 0) +
      <f64>i32x4.extract_lane(sums, 1) +
      <f64>i32x4.extract_lane(sums, 2) +
      <f64>i32x4.extract_lane(sums, 3);
  }
  for (let i = whole; i < count; i++) total += <f64>load<u8>(source + i);
  return total;
}

/** Writes `level * scale` as f32. */
export function scaleLevels(source: usize, count: i32, scale: f32, target: usize): void {
  const scales = f32x4.splat(scale);
  let i = 0;
  for (; i <= count - 4; i += 4) {
    v128.store(target + ((<usize>i) << 2), f32x4.mul(f32x4.convert_i32x4_s(loadBytes(source + i)), scales));
  }
  for (; i < count; i++) store<f32>(target + ((<usize>i) << 2), <f32>load<u8>(source + i) * scale);
}

/** Adds `level * scale` to f32 values, rounding once. */
export function addScaled(source: usize, count: i32, scale: f64, target: usize): void {
  const scales = f64x2.splat(scale);
  let i = 0;
  for (; i <= count - 4; i += 4) {
    const at = target + ((<usize>i) << 2);
    const levels = loadBytes(source + i);
    const low = f64x2.mul(f64x2.convert_low_i32x4_s(levels), scales);
    const high = f64x2.mul(f64x2.convert_low_i32x4_s(upperHalf(levels)), scales);
    v128.store(at, sumOf(v128.load(at), low, high));
  }
  for (; i < count; i++) {
    const at = target + ((<usize>i) << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) + <f64>load<u8>(source + i) * scale));
  }
}

/** Limits f32 values to 0 … 255 and drops their fractions. */
export function truncateLevels(source: usize, count: i32, target: usize): void {
  for (let i = 0; i < count; i++) {
    store<u8>(target + i, min(<i32>255, max(<i32>0, <i32>load<f32>(source + ((<usize>i) << 2)))));
  }
}

/** Replaces f32 values by `before * other + value * own`. */
export function mixFloats(values: usize, before: usize, count: i32, own: f32, other: f32): void {
  const owns = f32x4.splat(own);
  const others = f32x4.splat(other);
  const end = values + ((<usize>count) << 2);
  for (; values + 16 <= end; values += 16, before += 16)
    v128.store(values, f32x4.add(f32x4.mul(v128.load(before), others), f32x4.mul(v128.load(values), owns)));
  for (; values < end; values += 4, before += 4)
    store<f32>(values, load<f32>(before) * other + load<f32>(values) * own);
}
