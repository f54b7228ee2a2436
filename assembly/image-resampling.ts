// Resampling of interleaved images. Pixels are RGBX: four bytes, the last of which is ignored. Weights are 14-bit fixed-point numbers
// that add up to 16,384 for each output pixel. `xTaps` is a multiple of four, `yTaps` is even; surplus taps have the
// weight 0.

/** Fractional bits kept between the two passes: 255 with these bits still fits into 16 bits. */
const ROW_BITS: i32 = 6;
const WEIGHT_BITS: i32 = 14;

/**
 * Resamples an image, first along rows, then along columns. Rows of `source` are `stride` bytes apart. The weights of
 * output column x start at `xWeights + 2 * xTaps * x` and apply to the pixels from `xStarts[x]` on; rows work the
 * same way. `ring` holds `ringRows` rows of `width` pixels of four 16-bit numbers; `ringRows` is a power of two and
 * at least `yTaps`.
 */
export function resizeRgbx(
  source: usize,
  stride: i32,
  xStarts: usize,
  xWeights: usize,
  xTaps: i32,
  yStarts: usize,
  yWeights: usize,
  yTaps: i32,
  width: i32,
  height: i32,
  flip: i32,
  ring: usize,
  ringRows: i32,
  target: usize,
): void {
  const rowBytes = width << 3;
  let done = load<i32>(yStarts);
  for (let y = 0; y < height; y++) {
    const first = load<i32>(yStarts + ((<usize>y) << 2));
    const end = first + yTaps;
    if (done < first) done = first;
    for (; done < end; done++) {
      const row = ring + <usize>((done & (ringRows - 1)) * rowBytes);
      resizeRow(source + <usize>(done * stride), xStarts, xWeights, xTaps, width, flip, row);
    }
    const weights = yWeights + <usize>((y * yTaps) << 1);
    mixRows(ring, ringRows, rowBytes, first, weights, yTaps, width, target + <usize>((y * width) << 2));
  }
}

function resizeRow(
  source: usize,
  starts: usize,
  weights: usize,
  taps: i32,
  width: i32,
  flip: i32,
  target: usize,
): void {
  const half = i32x4.splat(1 << (WEIGHT_BITS - ROW_BITS - 1));
  const step = flip ? -8 : 8;
  let out = flip ? target + <usize>((width - 1) << 3) : target;
  for (let x = 0; x < width; x++) {
    let pixel = source + <usize>(load<i32>(starts + ((<usize>x) << 2)) << 2);
    let sum = half;
    for (let tap = 0; tap < taps; tap += 4) {
      // Four pixels, in pairs channel by channel: r0 r1 g0 g1 b0 b1 x0 x1 r2 r3 …
      const four = v128.load(pixel);
      const pairs = i8x16.shuffle(four, four, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(pairs), v128.load32_splat(weights)));
      sum = i32x4.add(
        sum,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(pairs), v128.load32_splat(weights, 4)),
      );
      pixel += 16;
      weights += 8;
    }
    const value = i32x4.shr_s(sum, WEIGHT_BITS - ROW_BITS);
    v128.store64_lane(out, i16x8.narrow_i32x4_s(value, value), 0);
    out += step;
  }
}

/**
 * Computes the weighted sum of rows of the ring, two pixels at a time. If `width` is odd, one extra pixel is read.
 */
function mixRows(
  ring: usize,
  ringRows: i32,
  rowBytes: i32,
  first: i32,
  weights: usize,
  taps: i32,
  width: i32,
  target: usize,
): void {
  const half = i32x4.splat(1 << (WEIGHT_BITS + ROW_BITS - 1));
  const mask = ringRows - 1;
  // Most images need at most four rows: compute their addresses once.
  const few = taps <= 4;
  const row0 = ring + <usize>((first & mask) * rowBytes);
  const row1 = ring + <usize>(((first + 1) & mask) * rowBytes);
  const row2 = ring + <usize>(((first + 2) & mask) * rowBytes);
  const row3 = ring + <usize>(((first + 3) & mask) * rowBytes);
  const weights01 = v128.load32_splat(weights);
  const weights23 = taps === 4 ? v128.load32_splat(weights, 4) : i32x4.splat(0);
  for (let x = 0; x < width; x += 2) {
    const offset = (<usize>x) << 3;
    let left = half;
    let right = half;
    if (few) {
      const a = v128.load(row0 + offset);
      const b = v128.load(row1 + offset);
      left = i32x4.add(left, i32x4.dot_i16x8_s(i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11), weights01));
      right = i32x4.add(right, i32x4.dot_i16x8_s(i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15), weights01));
      const c = v128.load(row2 + offset);
      const d = v128.load(row3 + offset);
      left = i32x4.add(left, i32x4.dot_i16x8_s(i16x8.shuffle(c, d, 0, 8, 1, 9, 2, 10, 3, 11), weights23));
      right = i32x4.add(right, i32x4.dot_i16x8_s(i16x8.shuffle(c, d, 4, 12, 5, 13, 6, 14, 7, 15), weights23));
    } else {
      for (let tap = 0; tap < taps; tap += 2) {
        const a = v128.load(ring + <usize>(((first + tap) & mask) * rowBytes) + offset);
        const b = v128.load(ring + <usize>(((first + tap + 1) & mask) * rowBytes) + offset);
        const pair = v128.load32_splat(weights + ((<usize>tap) << 1));
        left = i32x4.add(left, i32x4.dot_i16x8_s(i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11), pair));
        right = i32x4.add(right, i32x4.dot_i16x8_s(i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15), pair));
      }
    }
    const words = i16x8.narrow_i32x4_s(
      i32x4.shr_s(left, WEIGHT_BITS + ROW_BITS),
      i32x4.shr_s(right, WEIGHT_BITS + ROW_BITS),
    );
    const bytes = i8x16.narrow_i16x8_u(words, words);
    if (x + 1 < width) v128.store64_lane(target + ((<usize>x) << 2), bytes, 0);
    else v128.store32_lane(target + ((<usize>x) << 2), bytes, 0);
  }
}

/**
 * Converts pixels to `value * scale + bias` for each channel: three planes of float32, or with `interleaved` three
 * numbers per pixel.
 */
export function normalizeRgbx(
  source: usize,
  pixels: i32,
  target: usize,
  interleaved: i32,
  scaleR: f32,
  scaleG: f32,
  scaleB: f32,
  biasR: f32,
  biasG: f32,
  biasB: f32,
): void {
  const plane = (<usize>pixels) << 2;
  let i = 0;
  if (!interleaved) {
    for (; i <= pixels - 4; i += 4) {
      const four = v128.load(source + ((<usize>i) << 2));
      const mask = i32x4.splat(255);
      const out = target + ((<usize>i) << 2);
      v128.store(out, scaled(v128.and(four, mask), scaleR, biasR));
      v128.store(out + plane, scaled(v128.and(i32x4.shr_u(four, 8), mask), scaleG, biasG));
      v128.store(out + 2 * plane, scaled(v128.and(i32x4.shr_u(four, 16), mask), scaleB, biasB));
    }
  }
  const step: usize = interleaved ? 12 : 4;
  const next: usize = interleaved ? 4 : plane;
  for (; i < pixels; i++) {
    const pixel = source + ((<usize>i) << 2);
    const out = target + <usize>i * step;
    store<f32>(out, <f32>load<u8>(pixel) * scaleR + biasR);
    store<f32>(out + next, <f32>load<u8>(pixel, 1) * scaleG + biasG);
    store<f32>(out + 2 * next, <f32>load<u8>(pixel, 2) * scaleB + biasB);
  }
}

function scaled(values: v128, scale: f32, bias: f32): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(values), f32x4.splat(scale)), f32x4.splat(bias));
}
