import { loadBytes } from './image-vectors';

// Resizing of planar images along one axis, in fixed point with `bits` fractional bits. The weights of result pixel i are at
// `weights + 4 * taps * i` (i32) and apply to the pixels from `starts[i]` on (i32); surplus taps have the weight 0.

/** Resizes `rows` rows. `taps` is a multiple of four; 16 bytes beyond the source can be read. */
export function resizeRows(
  source: usize,
  rows: i32,
  width: i32,
  starts: usize,
  weights: usize,
  taps: i32,
  bits: i32,
  resized: i32,
  target: usize,
): void {
  const half = 1 << (bits - 1);
  for (let row = 0; row < rows; row++) {
    let weight = weights;
    for (let x = 0; x < resized; x++) {
      let pixel = source + <usize>load<i32>(starts + ((<usize>x) << 2));
      let sums = i32x4.splat(0);
      for (let tap = 0; tap < taps; tap += 4) {
        const four = loadBytes(pixel);
        sums = i32x4.add(sums, i32x4.mul(four, v128.load(weight)));
        pixel += 4;
        weight += 16;
      }
      sums = i32x4.add(sums, v128.shuffle<i64>(sums, sums, 1, 1));
      const sum = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
      store<u8>(target + x, min(255, max(0, (half + sum) >> bits)));
    }
    source += width;
    target += resized;
  }
}

/**
 * Resizes the columns of `channels` planes of `height` rows. `counts` has the number of taps of each result row. 16 bytes beyond the
 * source can be read, and beyond the target written.
 */
export function resizeColumns(
  source: usize,
  channels: i32,
  height: i32,
  width: i32,
  starts: usize,
  counts: usize,
  weights: usize,
  taps: i32,
  bits: i32,
  resized: i32,
  target: usize,
): void {
  const half = i32x4.splat(1 << (bits - 1));
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < resized; y++) {
      const first = source + <usize>(load<i32>(starts + ((<usize>y) << 2)) * width);
      const count = load<i32>(counts + ((<usize>y) << 2));
      const row = weights + <usize>((y * taps) << 2);
      for (let x = 0; x < width; x += 16) {
        let a = half;
        let b = half;
        let c = half;
        let d = half;
        let pixel = first + x;
        for (let k = 0; k < count; k++) {
          const weight = v128.load32_splat(row + ((<usize>k) << 2));
          const bytes = v128.load(pixel);
          const low = i16x8.extend_low_i8x16_u(bytes);
          const high = i16x8.extend_high_i8x16_u(bytes);
          a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight));
          b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight));
          c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight));
          d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight));
          pixel += width;
        }
        const lower = i16x8.narrow_i32x4_s(i32x4.shr_s(a, bits), i32x4.shr_s(b, bits));
        const upper = i16x8.narrow_i32x4_s(i32x4.shr_s(c, bits), i32x4.shr_s(d, bits));
        // What is written beyond a row is overwritten by the next.
        v128.store(target + x, i8x16.narrow_i16x8_u(lower, upper));
      }
      target += width;
    }
    source += <usize>(height * width);
  }
}
