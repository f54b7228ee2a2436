import { sumOf } from './image-vectors';

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

/**
 * Samples a row of the nearest pixels. `fills` has an f32 for each channel. Channels of the source are `height * width` bytes apart,
 * those of the target `stride`.
 */
export function nearestOfGrid(
  source: usize,
  channels: i32,
  height: i32,
  width: i32,
  xs: usize,
  ys: usize,
  count: i32,
  fills: usize,
  target: usize,
  stride: i32,
): void {
  const plane = <usize>(height * width);
  const right: f32 = <f32>width;
  const bottom: f32 = <f32>height;
  for (let i = 0; i < count; i++) {
    const x = nearest<f32>(load<f32>(xs + ((<usize>i) << 2)));
    const y = nearest<f32>(load<f32>(ys + ((<usize>i) << 2)));
    let to = target + i;
    if (x >= 0 && y >= 0 && x < right && y < bottom) {
      let from = source + <usize>(<i32>y * width + <i32>x);
      for (let channel = 0; channel < channels; channel++, from += plane, to += stride)
        store<u8>(to, load<u8>(from));
    } else {
      for (let channel = 0; channel < channels; channel++, to += stride)
        store<u8>(to, <u8>(<i32>nearest<f32>(load<f32>(fills + ((<usize>channel) << 2)))));
    }
  }
}

/** The same with the four pixels around each point. Without `hasFill`, pixels beyond the source are black. */
export function samplesOfGrid(
  source: usize,
  channels: i32,
  height: i32,
  width: i32,
  xs: usize,
  ys: usize,
  count: i32,
  hasFill: i32,
  fills: usize,
  target: usize,
  stride: i32,
): void {
  const plane = <usize>(height * width);
  for (let i = 0; i < count; i++) {
    const x = load<f32>(xs + ((<usize>i) << 2));
    const y = load<f32>(ys + ((<usize>i) << 2));
    const left = floor<f32>(x);
    const top = floor<f32>(y);
    const hasWest = left >= 0 && left < <f32>width;
    const hasEast = left >= -1 && left < <f32>(width - 1);
    const hasNorth = top >= 0 && top < <f32>height;
    const hasSouth = top >= -1 && top < <f32>(height - 1);
    let to = target + i;
    if (!(hasWest || hasEast) || !(hasNorth || hasSouth)) {
      for (let channel = 0; channel < channels; channel++, to += stride)
        store<u8>(to, hasFill ? <u8>(<i32>nearest<f32>(load<f32>(fills + ((<usize>channel) << 2)))) : 0);
      continue;
    }
    const east = x - left;
    const south = y - top;
    const west: f32 = 1 - east;
    const north: f32 = 1 - south;
    const northWest: f32 = hasNorth && hasWest ? west * north : 0;
    const northEast: f32 = hasNorth && hasEast ? east * north : 0;
    const southWest: f32 = hasSouth && hasWest ? west * south : 0;
    const southEast: f32 = hasSouth && hasEast ? east * south : 0;
    // A pixel that is missing has the weight 0: another one is read in its place.
    const first = source + <usize>(max(0, <i32>top) * width + max(0, <i32>left));
    const toEast: usize = hasEast && hasWest ? 1 : 0;
    const toSouth: usize = hasSouth && hasNorth ? <usize>width : 0;
    const inside = northWest + northEast + southWest + southEast;
    let at = first;
    for (let channel = 0; channel < channels; channel++, at += plane, to += stride) {
      let mixed: f32 = <f32>load<u8>(at) * northWest;
      mixed = <f32>(<f64>mixed + <f64>load<u8>(at + toEast) * <f64>northEast);
      mixed = <f32>(<f64>mixed + <f64>load<u8>(at + toSouth) * <f64>southWest);
      mixed = <f32>(<f64>mixed + <f64>load<u8>(at + toSouth + toEast) * <f64>southEast);
      if (hasFill) {
        const base = load<f32>(fills + ((<usize>channel) << 2));
        mixed = (mixed - base) * inside + base;
      }
      store<u8>(to, <u8>(<i32>nearest<f32>(mixed)));
    }
  }
}
