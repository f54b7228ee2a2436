import { upperHalf } from './image-vectors';

// Filters of one plane. Rows follow each other without gaps.

/**
 * Moves each pixel away from the mean of its neighborhood, or toward it: `value + (mean - value) * rest`. Pixels of the border
 * stay as they are. `width` is at least 10, `height` at least 3.
 */
export function sharpenPlane(source: usize, height: i32, width: i32, rest: f64, target: usize): void {
  memory.copy(target, source, <usize>(height * width));
  const rests = f64x2.splat(rest);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x += 8) {
      x = min(x, width - 9);
      const offset: usize = y * width + x;
      sharpenEight(source + offset, width, rests, target + offset);
    }
  }
}

function sharpenEight(at: usize, width: i32, rests: v128, to: usize): void {
  const above = at - width;
  const below = at + width;
  const center = v128.load8x8_u(at);
  let sum = i16x8.add(v128.load8x8_u(above - 1), v128.load8x8_u(above));
  sum = i16x8.add(sum, v128.load8x8_u(above + 1));
  sum = i16x8.add(sum, i16x8.add(v128.load8x8_u(at - 1), v128.load8x8_u(at + 1)));
  sum = i16x8.add(sum, i16x8.add(v128.load8x8_u(below - 1), v128.load8x8_u(below)));
  sum = i16x8.add(sum, v128.load8x8_u(below + 1));
  // The center counts five times. The sum is at most 13 * 255: multiplying by 5042 and dropping 16 bits divides it by 13.
  sum = i16x8.add(sum, i16x8.add(i16x8.shl(center, 2), i16x8.add(center, i16x8.splat(6))));
  const factor = i16x8.splat(5042);
  const mean = i16x8.narrow_i32x4_s(
    i32x4.shr_u(i32x4.extmul_low_i16x8_u(sum, factor), 16),
    i32x4.shr_u(i32x4.extmul_high_i16x8_u(sum, factor), 16),
  );
  const away = i16x8.sub(mean, center);
  const low = sharpenedFour(i32x4.extend_low_i16x8_s(center), i32x4.extend_low_i16x8_s(away), rests);
  const high = sharpenedFour(i32x4.extend_high_i16x8_s(center), i32x4.extend_high_i16x8_s(away), rests);
  const words = i16x8.narrow_i32x4_s(low, high);
  v128.store64_lane(to, i8x16.narrow_i16x8_u(words, words), 0);
}

function sharpenedFour(center: v128, away: v128, rests: v128): v128 {
  const lower = sharpenedTwo(center, away, rests);
  const upper = sharpenedTwo(upperHalf(center), upperHalf(away), rests);
  return i32x4.trunc_sat_f32x4_s(v128.shuffle<i32>(lower, upper, 0, 1, 4, 5));
}

function sharpenedTwo(center: v128, away: v128, rests: v128): v128 {
  const product = f64x2.mul(f64x2.convert_low_i32x4_s(away), rests);
  return f32x4.demote_f64x2_zero(f64x2.add(f64x2.convert_low_i32x4_s(center), product));
}

/**
 * Blurs along rows, then along columns. `xWeights` and `yWeights` are f32. `padded` has room for `width + xTaps + 3` f32 values,
 * `rows` for `height * width + 3`. `width` is at least 8. The border mirrors: half the taps are fewer than the pixels along each axis.
 */
export function blurPlane(
  source: usize,
  height: i32,
  width: i32,
  xWeights: usize,
  xTaps: i32,
  yWeights: usize,
  yTaps: i32,
  padded: usize,
  rows: usize,
  target: usize,
): void {
  for (let y = 0; y < height; y++) {
    padRow(source + <usize>(y * width), width, xTaps >> 1, padded);
    const row = rows + ((<usize>(y * width)) << 2);
    for (let x = 0; x < width; x += 4) {
      const first = padded + ((<usize>x) << 2);
      let sum = f32x4.splat(0);
      for (let k: usize = 0; k < (<usize>xTaps) << 2; k += 4)
        sum = f32x4.add(sum, f32x4.mul(v128.load(first + k), v128.load32_splat(xWeights + k)));
      v128.store(row + ((<usize>x) << 2), sum);
    }
  }
  const half = yTaps >> 1;
  for (let y = 0; y < height; y++) {
    const isInside = y >= half && y + half < height;
    for (let x = 0; x < width; x += 8) {
      x = min(x, width - 8);
      let low = f32x4.splat(0);
      let high = f32x4.splat(0);
      for (let k = 0; k < yTaps; k++) {
        const from = isInside ? y + k - half : mirrored(y + k - half, height);
        const at = rows + ((<usize>(from * width + x)) << 2);
        const weight = v128.load32_splat(yWeights + ((<usize>k) << 2));
        low = f32x4.add(low, f32x4.mul(v128.load(at), weight));
        high = f32x4.add(high, f32x4.mul(v128.load(at, 16), weight));
      }
      const words = i16x8.narrow_i32x4_s(
        i32x4.trunc_sat_f32x4_s(f32x4.nearest(low)),
        i32x4.trunc_sat_f32x4_s(f32x4.nearest(high)),
      );
      v128.store64_lane(target + <usize>(y * width + x), i8x16.narrow_i16x8_u(words, words), 0);
    }
  }
}

/** Writes a row as f32, with `half` mirrored pixels at each end. */
function padRow(source: usize, width: i32, half: i32, target: usize): void {
  for (let i = -half; i < 0; i++) store<f32>(target + ((<usize>(i + half)) << 2), <f32>load<u8>(source - i));
  const inner = target + ((<usize>half) << 2);
  for (let i = 0; i < width; i++) store<f32>(inner + ((<usize>i) << 2), <f32>load<u8>(source + i));
  for (let i = width; i < width + half; i++)
    store<f32>(inner + ((<usize>i) << 2), <f32>load<u8>(source + mirrored(i, width)));
}

/** A place beyond the border, mirrored at the pixel of the border. */
function mirrored(at: i32, length: i32): i32 {
  if (at < 0) return -at;
  return at < length ? at : 2 * (length - 1) - at;
}
