import { loadBytes, storeBytes, sumOf, upperHalf } from './image-vectors';

// Changes of color, four pixels at a time. `source` and `target` are three planes of `pixels` bytes: red, green and blue.

/** Weights of red, green and blue in gray. */
const RED_SHARE: f32 = 0.2989;
const GREEN_SHARE: f32 = 0.587;
const BLUE_SHARE: f32 = 0.114;

/** Pixels whose gray is summed in 32 bits before it is added to the whole. */
const SUMMED: i32 = 1 << 22;

/** Writes the gray of each pixel. */
export function grayOfRgb(source: usize, pixels: i32, target: usize): void {
  for (let i = 0; i < pixels; i += 4) {
    i = min(i, pixels - 4);
    storeBytes(target + i, grayOfFour(source + i, pixels));
  }
}

/** The sum of the gray of all pixels. */
export function sumOfGray(source: usize, pixels: i32): f64 {
  const whole = pixels & ~3;
  let total: f64 = 0;
  for (let start = 0; start < whole; start += SUMMED) {
    const end = min(whole, start + SUMMED);
    let sums = i32x4.splat(0);
    for (let i = start; i < end; i += 4) sums = i32x4.add(sums, grayOfFour(source + i, pixels));
    total += lanesOf(sums, 0);
  }
  // The last four pixels, without those that were added already.
  return whole === pixels
    ? total
    : total + lanesOf(grayOfFour(source + pixels - 4, pixels), 4 - (pixels & 3));
}

/** The sum of the lanes from one on. */
function lanesOf(sums: v128, from: i32): f64 {
  let total: f64 = 0;
  if (from <= 0) total += <f64>i32x4.extract_lane(sums, 0);
  if (from <= 1) total += <f64>i32x4.extract_lane(sums, 1);
  if (from <= 2) total += <f64>i32x4.extract_lane(sums, 2);
  return total + <f64>i32x4.extract_lane(sums, 3);
}

/** Blends each pixel with its gray: `value * scale + gray * rest`. */
export function blendGray(source: usize, pixels: i32, scale: f32, rest: f64, target: usize): void {
  const scales = f32x4.splat(scale);
  const rests = f64x2.splat(rest);
  for (let i = 0; i < pixels; i += 4) {
    i = min(i, pixels - 4);
    const gray = grayOfFour(source + i, pixels);
    const low = f64x2.mul(f64x2.convert_low_i32x4_s(gray), rests);
    const high = f64x2.mul(f64x2.convert_low_i32x4_s(upperHalf(gray)), rests);
    for (let channel = 0; channel < 3; channel++) {
      const offset: usize = channel * pixels + i;
      const scaled = f32x4.mul(f32x4.convert_i32x4_s(loadBytes(source + offset)), scales);
      storeBytes(target + offset, i32x4.trunc_sat_f32x4_s(sumOf(scaled, low, high)));
    }
  }
}

function grayOfFour(red: usize, pixels: i32): v128 {
  const green = loadBytes(red + pixels);
  const blue = loadBytes(red + 2 * <usize>pixels);
  const greens = f64x2.splat(GREEN_SHARE);
  const blues = f64x2.splat(BLUE_SHARE);
  const withRed = f32x4.mul(f32x4.convert_i32x4_s(loadBytes(red)), f32x4.splat(RED_SHARE));
  const withGreen = sumOf(
    withRed,
    f64x2.mul(f64x2.convert_low_i32x4_s(green), greens),
    f64x2.mul(f64x2.convert_low_i32x4_s(upperHalf(green)), greens),
  );
  const all = sumOf(
    withGreen,
    f64x2.mul(f64x2.convert_low_i32x4_s(blue), blues),
    f64x2.mul(f64x2.convert_low_i32x4_s(upperHalf(blue)), blues),
  );
  return i32x4.trunc_sat_f32x4_s(all);
}

/** Rotates the hue by a fraction of the circle. */
export function turnHue(source: usize, pixels: i32, shift: f32, target: usize): void {
  const unit = f32x4.splat(<f32>(1.0 / 255.0));
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const shifts = f32x4.splat(shift);
  for (let i = 0; i < pixels; i += 4) {
    i = min(i, pixels - 4);
    const at = source + i;
    const r = f32x4.mul(f32x4.convert_i32x4_s(loadBytes(at)), unit);
    const g = f32x4.mul(f32x4.convert_i32x4_s(loadBytes(at + pixels)), unit);
    const b = f32x4.mul(f32x4.convert_i32x4_s(loadBytes(at + 2 * <usize>pixels)), unit);
    const high = f32x4.max(f32x4.max(r, g), b);
    const range = f32x4.sub(high, f32x4.min(f32x4.min(r, g), b));
    const isGray = f32x4.eq(range, zero);
    const saturation = f32x4.div(range, v128.bitselect(one, high, isGray));
    const divisor = v128.bitselect(one, range, isGray);
    const toRed = f32x4.div(f32x4.sub(high, r), divisor);
    const toGreen = f32x4.div(f32x4.sub(high, g), divisor);
    const toBlue = f32x4.div(f32x4.sub(high, b), divisor);
    const nearGreen = f32x4.sub(f32x4.add(toRed, f32x4.splat(2)), toBlue);
    const nearBlue = f32x4.sub(f32x4.add(toGreen, f32x4.splat(4)), toRed);
    let hue = v128.bitselect(
      f32x4.sub(toBlue, toGreen),
      v128.bitselect(nearGreen, nearBlue, f32x4.eq(high, g)),
      f32x4.eq(high, r),
    );
    hue = f32x4.add(f32x4.mul(hue, f32x4.splat(<f32>(1.0 / 6.0))), one);
    hue = f32x4.sub(hue, v128.and(one, f32x4.ge(hue, one)));
    hue = f32x4.add(hue, shifts);
    hue = f32x4.sub(hue, v128.and(one, f32x4.ge(hue, one)));
    hue = f32x4.add(hue, v128.and(one, f32x4.lt(hue, zero)));
    const sixths = f32x4.mul(hue, f32x4.splat(6));
    const floor = f32x4.floor(sixths);
    const part = f32x4.mul(saturation, f32x4.sub(sixths, floor));
    const pale = f32x4.sub(one, saturation);
    const p = levelsOf(f32x4.mul(pale, high));
    const q = levelsOf(f32x4.mul(f32x4.sub(one, part), high));
    const t = levelsOf(f32x4.mul(f32x4.add(part, pale), high));
    const v = levelsOf(high);
    const sector = i32x4.trunc_sat_f32x4_s(floor);
    const is1 = i32x4.eq(sector, i32x4.splat(1));
    const is2 = i32x4.eq(sector, i32x4.splat(2));
    const is3 = i32x4.eq(sector, i32x4.splat(3));
    const is4 = i32x4.eq(sector, i32x4.splat(4));
    const is5 = i32x4.eq(sector, i32x4.splat(5));
    // Sector 6 is sector 0.
    const is0 = v128.or(i32x4.eq(sector, i32x4.splat(0)), i32x4.eq(sector, i32x4.splat(6)));
    const to = target + i;
    storeBytes(to, chosen(v128.or(is0, is5), v, is1, q, is4, t, p));
    storeBytes(to + pixels, chosen(v128.or(is1, is2), v, is3, q, is0, t, p));
    storeBytes(to + 2 * <usize>pixels, chosen(v128.or(is3, is4), v, is5, q, is2, t, p));
  }
}

function chosen(isV: v128, v: v128, isQ: v128, q: v128, isT: v128, t: v128, p: v128): v128 {
  return v128.bitselect(v, v128.bitselect(q, v128.bitselect(t, p, isT), isQ), isV);
}

/** Values from 0 to 1 as levels. */
function levelsOf(values: v128): v128 {
  const limited = f32x4.min(f32x4.max(values, f32x4.splat(0)), f32x4.splat(1));
  return i32x4.trunc_sat_f32x4_s(f32x4.mul(limited, f32x4.splat(255.999)));
}
