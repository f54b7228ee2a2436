import { loadBytes, sumOf } from './image-vectors';

// Sampling of planar images at the points of a grid, as PyTorch's `grid_sample`.

/**
 * Writes the points in the source of one row of a result, in pixels: `xs` and `ys` are f32 and have room for three more than
 * `width`. `map` has nine f64: the rows of a matrix, whose values are f32. `u` and `v` are the coordinates of the first pixel of the
 * row. An affine map ends at a scale from -1 to 1 over the source; a perspective is divided by its third row, at a scale from 0 to 2.
 */
export function placesOfRow(
  map: usize,
  isPerspective: i32,
  u: f64,
  v: f64,
  halfWidth: f32,
  halfHeight: f32,
  width: i32,
  xs: usize,
  ys: usize,
): void {
  const one = f32x4.splat(1);
  let columns = f32x4(<f32>u, <f32>(u + 1), <f32>(u + 2), <f32>(u + 3));
  for (let i = 0; i < width; i += 4) {
    let x = linear(map, columns, v);
    let y = linear(map + 24, columns, v);
    if (isPerspective) {
      const depth = linear(map + 48, columns, v);
      x = f32x4.sub(f32x4.div(x, depth), one);
      y = f32x4.sub(f32x4.div(y, depth), one);
    }
    const offset = (<usize>i) << 2;
    v128.store(xs + offset, pixelsOf(x, halfWidth));
    v128.store(ys + offset, pixelsOf(y, halfHeight));
    columns = f32x4.add(columns, f32x4.splat(4));
  }
}

/** `a * x + b * y + c`, rounded to f32 after the first product, after the sum and at the end. */
function linear(row: usize, x: v128, v: f64): v128 {
  const ax = f32x4.mul(f32x4.splat(<f32>load<f64>(row)), x);
  const by = f64x2.splat(load<f64>(row, 8) * v);
  return f32x4.add(sumOf(ax, by, by), f32x4.splat(<f32>load<f64>(row, 16)));
}

function pixelsOf(places: v128, half: f32): v128 {
  const scaled = f32x4.mul(f32x4.add(places, f32x4.splat(1)), f32x4.splat(half));
  return f32x4.sub(scaled, f32x4.splat(0.5));
}

/** Joins one to four planes to pixels of four bytes; missing channels repeat the last one. */
export function pixelsOfPlanes(source: usize, pixels: i32, channels: i32, target: usize): void {
  const second = source + (channels > 1 ? <usize>pixels : 0);
  const third = second + (channels > 2 ? <usize>pixels : 0);
  const fourth = third + (channels > 3 ? <usize>pixels : 0);
  for (let i = 0; i < pixels; i += 16) {
    i = min(i, pixels - 16);
    const a = v128.load(source + i);
    const b = v128.load(second + i);
    const c = v128.load(third + i);
    const d = v128.load(fourth + i);
    const lowAb = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const highAb = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const lowCd = i8x16.shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const highCd = i8x16.shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const at = target + ((<usize>i) << 2);
    v128.store(at, v128.shuffle<i16>(lowAb, lowCd, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(at, v128.shuffle<i16>(lowAb, lowCd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    v128.store(at, v128.shuffle<i16>(highAb, highCd, 0, 8, 1, 9, 2, 10, 3, 11), 32);
    v128.store(at, v128.shuffle<i16>(highAb, highCd, 4, 12, 5, 13, 6, 14, 7, 15), 48);
  }
}

/** Stores the first channels of four pixels of four bytes, which are one v128, into planes. */
function storePixels(four: v128, channels: i32, target: usize, stride: i32): void {
  const sorted = i8x16.shuffle(four, four, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  v128.store32_lane(target, sorted, 0);
  if (channels > 1) v128.store32_lane(target + stride, sorted, 1);
  if (channels > 2) v128.store32_lane(target + 2 * <usize>stride, sorted, 2);
  if (channels > 3) v128.store32_lane(target + 3 * <usize>stride, sorted, 3);
}

/**
 * Samples a row of `count` pixels, four or more, from `source`, whose pixels have four bytes. Writes `channels` planes, `stride` bytes
 * apart. `fill` has the four bytes of pixels beyond the source.
 */
export function nearestOfGrid(
  source: usize,
  height: i32,
  width: i32,
  xs: usize,
  ys: usize,
  count: i32,
  fill: i32,
  channels: i32,
  target: usize,
  stride: i32,
): void {
  const zero = f32x4.splat(0);
  const right = f32x4.splat(<f32>width);
  const bottom = f32x4.splat(<f32>height);
  const widths = i32x4.splat(width);
  const fills = i32x4.splat(fill);
  for (let i = 0; i < count; i += 4) {
    i = min(i, count - 4);
    const x = f32x4.nearest(v128.load(xs + ((<usize>i) << 2)));
    const y = f32x4.nearest(v128.load(ys + ((<usize>i) << 2)));
    const isInside = v128.and(
      v128.and(f32x4.ge(x, zero), f32x4.lt(x, right)),
      v128.and(f32x4.ge(y, zero), f32x4.lt(y, bottom)),
    );
    const row = v128.and(i32x4.trunc_sat_f32x4_s(y), isInside);
    const column = v128.and(i32x4.trunc_sat_f32x4_s(x), isInside);
    const offsets = i32x4.shl(i32x4.add(i32x4.mul(row, widths), column), 2);
    const four = i32x4(
      load<i32>(source + <usize>i32x4.extract_lane(offsets, 0)),
      load<i32>(source + <usize>i32x4.extract_lane(offsets, 1)),
      load<i32>(source + <usize>i32x4.extract_lane(offsets, 2)),
      load<i32>(source + <usize>i32x4.extract_lane(offsets, 3)),
    );
    storePixels(v128.bitselect(four, fills, isInside), channels, target + i, stride);
  }
}

/**
 * The same with the four pixels around each point. `fills` has four f32, which count with `hasFill`; otherwise, pixels beyond the
 * source are black.
 */
export function samplesOfGrid(
  source: usize,
  height: i32,
  width: i32,
  xs: usize,
  ys: usize,
  count: i32,
  hasFill: i32,
  fills: usize,
  channels: i32,
  target: usize,
  stride: i32,
): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const before = f32x4.splat(-1);
  const right = f32x4.splat(<f32>width);
  const bottom = f32x4.splat(<f32>height);
  const lastRight = f32x4.splat(<f32>(width - 1));
  const lastBottom = f32x4.splat(<f32>(height - 1));
  const pitch = width << 2;
  const base = hasFill ? v128.load(fills) : zero;
  for (let i = 0; i < count; i += 4) {
    i = min(i, count - 4);
    const x = v128.load(xs + ((<usize>i) << 2));
    const y = v128.load(ys + ((<usize>i) << 2));
    const left = f32x4.floor(x);
    const top = f32x4.floor(y);
    const east = f32x4.sub(x, left);
    const south = f32x4.sub(y, top);
    const west = f32x4.sub(one, east);
    const north = f32x4.sub(one, south);
    const hasWest = v128.and(f32x4.ge(left, zero), f32x4.lt(left, right));
    const hasEast = v128.and(f32x4.ge(left, before), f32x4.lt(left, lastRight));
    const hasNorth = v128.and(f32x4.ge(top, zero), f32x4.lt(top, bottom));
    const hasSouth = v128.and(f32x4.ge(top, before), f32x4.lt(top, lastBottom));
    const northWest = v128.and(f32x4.mul(west, north), v128.and(hasWest, hasNorth));
    const northEast = v128.and(f32x4.mul(east, north), v128.and(hasEast, hasNorth));
    const southWest = v128.and(f32x4.mul(west, south), v128.and(hasWest, hasSouth));
    const southEast = v128.and(f32x4.mul(east, south), v128.and(hasEast, hasSouth));
    const inside = f32x4.add(f32x4.add(f32x4.add(northWest, northEast), southWest), southEast);
    // A pixel that is missing has the weight 0: another one is read in its place.
    const column = v128.and(i32x4.trunc_sat_f32x4_s(left), hasWest);
    const row = v128.and(i32x4.trunc_sat_f32x4_s(top), hasNorth);
    const offsets = i32x4.add(i32x4.mul(row, i32x4.splat(pitch)), i32x4.shl(column, 2));
    const toEast = v128.and(v128.and(hasWest, hasEast), i32x4.splat(4));
    const toSouth = v128.and(v128.and(hasNorth, hasSouth), i32x4.splat(pitch));
    let a = mixed(
      source + <usize>i32x4.extract_lane(offsets, 0),
      i32x4.extract_lane(toEast, 0),
      i32x4.extract_lane(toSouth, 0),
      v128.shuffle<i32>(northWest, northWest, 0, 0, 0, 0),
      v128.shuffle<i32>(northEast, northEast, 0, 0, 0, 0),
      v128.shuffle<i32>(southWest, southWest, 0, 0, 0, 0),
      v128.shuffle<i32>(southEast, southEast, 0, 0, 0, 0),
    );
    let b = mixed(
      source + <usize>i32x4.extract_lane(offsets, 1),
      i32x4.extract_lane(toEast, 1),
      i32x4.extract_lane(toSouth, 1),
      v128.shuffle<i32>(northWest, northWest, 1, 1, 1, 1),
      v128.shuffle<i32>(northEast, northEast, 1, 1, 1, 1),
      v128.shuffle<i32>(southWest, southWest, 1, 1, 1, 1),
      v128.shuffle<i32>(southEast, southEast, 1, 1, 1, 1),
    );
    let c = mixed(
      source + <usize>i32x4.extract_lane(offsets, 2),
      i32x4.extract_lane(toEast, 2),
      i32x4.extract_lane(toSouth, 2),
      v128.shuffle<i32>(northWest, northWest, 2, 2, 2, 2),
      v128.shuffle<i32>(northEast, northEast, 2, 2, 2, 2),
      v128.shuffle<i32>(southWest, southWest, 2, 2, 2, 2),
      v128.shuffle<i32>(southEast, southEast, 2, 2, 2, 2),
    );
    let d = mixed(
      source + <usize>i32x4.extract_lane(offsets, 3),
      i32x4.extract_lane(toEast, 3),
      i32x4.extract_lane(toSouth, 3),
      v128.shuffle<i32>(northWest, northWest, 3, 3, 3, 3),
      v128.shuffle<i32>(northEast, northEast, 3, 3, 3, 3),
      v128.shuffle<i32>(southWest, southWest, 3, 3, 3, 3),
      v128.shuffle<i32>(southEast, southEast, 3, 3, 3, 3),
    );
    if (hasFill) {
      a = filled(a, base, v128.shuffle<i32>(inside, inside, 0, 0, 0, 0));
      b = filled(b, base, v128.shuffle<i32>(inside, inside, 1, 1, 1, 1));
      c = filled(c, base, v128.shuffle<i32>(inside, inside, 2, 2, 2, 2));
      d = filled(d, base, v128.shuffle<i32>(inside, inside, 3, 3, 3, 3));
    }
    const four = i8x16.narrow_i16x8_u(levelsOf(a, b), levelsOf(c, d));
    storePixels(four, channels, target + i, stride);
  }
}

/** The weighted sum of a pixel of four bytes and its neighbors. */
function mixed(
  at: usize,
  toEast: i32,
  toSouth: i32,
  northWest: v128,
  northEast: v128,
  southWest: v128,
  southEast: v128,
): v128 {
  const below = at + <usize>toSouth;
  let sum = f32x4.mul(f32x4.convert_i32x4_s(loadBytes(at)), northWest);
  sum = f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(loadBytes(at + <usize>toEast)), northEast));
  sum = f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(loadBytes(below)), southWest));
  return f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(loadBytes(below + <usize>toEast)), southEast));
}

/** Covers what is beyond the source with the fill. */
function filled(value: v128, base: v128, inside: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(value, base), inside), base);
}

function levelsOf(a: v128, b: v128): v128 {
  return i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(a)),
    i32x4.trunc_sat_f32x4_s(f32x4.nearest(b)),
  );
}

/**
 * Writes the place in a mask of each pixel of a result, or -1 for those outside the box that is seen. `map` has nine f64: from pixels
 * of the result to those of the mask.
 */
export function placesInMask(
  map: usize,
  height: i32,
  width: i32,
  left: f64,
  top: f64,
  right: f64,
  bottom: f64,
  sourceWidth: i32,
  target: usize,
): void {
  const a = load<f64>(map);
  const b = load<f64>(map, 8);
  const c = load<f64>(map, 16);
  const d = load<f64>(map, 24);
  const e = load<f64>(map, 32);
  const f = load<f64>(map, 40);
  const g = load<f64>(map, 48);
  const h = load<f64>(map, 56);
  const i = load<f64>(map, 64);
  for (let row = 0; row < height; row++) {
    const v = <f64>row + 0.5;
    for (let column = 0; column < width; column++, target += 4) {
      const u = <f64>column + 0.5;
      const depth = g * u + h * v + i;
      const x = floor<f64>((a * u + b * v + c) / depth);
      const y = floor<f64>((d * u + e * v + f) / depth);
      const isSeen = x >= left && y >= top && x < right && y < bottom;
      store<i32>(target, isSeen ? <i32>y * sourceWidth + <i32>x : -1);
    }
  }
}
