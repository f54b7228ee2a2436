import { storeBytes } from './image-vectors';

// Kernels that move bytes between layouts: RGBX (four bytes per pixel, of which the fourth is ignored), RGB (three), and planes.

/** Splits pixels of four bytes into three planes, or four. */
export function planesOfRgbx(source: usize, pixels: i32, channels: i32, target: usize): void {
  for (let i = 0; i < pixels; i += 16) {
    i = min(i, pixels - 16);
    const at = source + ((<usize>i) << 2);
    const a = byChannel(v128.load(at));
    const b = byChannel(v128.load(at, 16));
    const c = byChannel(v128.load(at, 32));
    const d = byChannel(v128.load(at, 48));
    const rg0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const rg1 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const blue0 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const blue1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    v128.store(target + i, v128.shuffle<i64>(rg0, rg1, 0, 2));
    v128.store(target + pixels + i, v128.shuffle<i64>(rg0, rg1, 1, 3));
    v128.store(target + 2 * <usize>pixels + i, v128.shuffle<i64>(blue0, blue1, 0, 2));
    if (channels > 3) v128.store(target + 3 * <usize>pixels + i, v128.shuffle<i64>(blue0, blue1, 1, 3));
  }
}

/** Four pixels, sorted by channel. */
function byChannel(four: v128): v128 {
  return i8x16.shuffle(four, four, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/** Writes the gray of each pixel by ITU-R BT.601, with Pillow's rounding. */
export function grayOfRgbx(source: usize, pixels: i32, target: usize): void {
  const byte = i32x4.splat(255);
  for (let i = 0; i < pixels; i += 4) {
    i = min(i, pixels - 4);
    const four = v128.load(source + ((<usize>i) << 2));
    const red = i32x4.mul(v128.and(four, byte), i32x4.splat(19595));
    const green = i32x4.mul(v128.and(i32x4.shr_u(four, 8), byte), i32x4.splat(38470));
    const blue = i32x4.mul(v128.and(i32x4.shr_u(four, 16), byte), i32x4.splat(7471));
    const sum = i32x4.add(i32x4.add(red, green), i32x4.add(blue, i32x4.splat(0x8000)));
    storeBytes(target + i, i32x4.shr_u(sum, 16));
  }
}

/** Joins three planes to RGB. */
export function interleaveRgb(source: usize, pixels: i32, target: usize): void {
  for (let i = 0; i < pixels; i += 16) {
    i = min(i, pixels - 16);
    const r = v128.load(source + i);
    const g = v128.load(source + pixels + i);
    const b = v128.load(source + 2 * <usize>pixels + i);
    const at = target + 3 * <usize>i;
    const rg0 = i8x16.shuffle(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
    const rg1 = i8x16.shuffle(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
    const rg2 = i8x16.shuffle(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
    v128.store(at, i8x16.shuffle(rg0, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
    v128.store(at, i8x16.shuffle(rg1, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16);
    v128.store(at, i8x16.shuffle(rg2, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32);
  }
}

/** Drops the fourth byte of each pixel. */
export function rgbOfRgbx(source: usize, pixels: i32, target: usize): void {
  for (let i = 0; i < pixels; i++) {
    const pixel = load<u32>(source + ((<usize>i) << 2));
    store<u16>(target, <u16>pixel);
    store<u8>(target, <u8>(pixel >> 16), 2);
    target += 3;
  }
}

/**
 * Unpacks pixels of 1 to 4 bytes to RGBX. One or two bytes are gray, and gray with alpha; three are RGB; four RGB with alpha, or with
 * `isCmyk` inks. Unless the source is RGB with alpha, the bits of `fourth` become the fourth byte.
 */
export function rgbxOfPacked(
  source: usize,
  pixels: i32,
  channels: i32,
  isCmyk: i32,
  fourth: u32,
  target: usize,
): void {
  const end = target + ((<usize>pixels) << 2);
  if (channels === 3) {
    // Where a number is beyond the lanes, a lane becomes 0.
    const spread = i8x16(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    const fourths = i32x4.splat(fourth);
    // Each load reads four bytes beyond its pixels.
    for (; target + 16 <= end; source += 12, target += 16)
      v128.store(target, v128.or(i8x16.swizzle(v128.load(source), spread), fourths));
    for (; target < end; source += 3, target += 4)
      store<u32>(target, <u32>load<u16>(source) | ((<u32>load<u8>(source, 2)) << 16) | fourth);
  } else if (channels < 3) {
    for (; target < end; source += channels, target += 4)
      store<u32>(target, (<u32>load<u8>(source) * 0x010101) | fourth);
  } else if (isCmyk) {
    for (; target < end; source += 4, target += 4) store<u32>(target, rgbOfInks(load<u32>(source)) | fourth);
  } else memory.copy(target, source, (<usize>pixels) << 2);
}

/** Pillow's conversion without profiles: each ink removes its share of what black leaves. */
function rgbOfInks(inks: u32): u32 {
  const white = 255 - <i32>(inks >> 24);
  return (
    <u32>left(inks & 255, white) |
    ((<u32>left((inks >> 8) & 255, white)) << 8) |
    ((<u32>left((inks >> 16) & 255, white)) << 16)
  );
}

function left(ink: i32, white: i32): i32 {
  // A division by 255, without dividing.
  const product = ink * white + 128;
  return max(0, white - (((product >> 8) + product) >> 8));
}

/** Writes the value of each level in a table of 256, `step` bytes apart. Values have two bytes, or four. */
export function lookUpLevels(
  source: usize,
  count: i32,
  table: usize,
  bytes: i32,
  step: i32,
  target: usize,
): void {
  const end = source + count;
  if (bytes === 4) {
    for (; source < end; source++, target += step)
      store<u32>(target, load<u32>(table + ((<usize>load<u8>(source)) << 2)));
  } else {
    for (; source < end; source++, target += step)
      store<u16>(target, load<u16>(table + ((<usize>load<u8>(source)) << 1)));
  }
}

/** Writes `source[rows[y] + columns[x]]` for each pixel of a plane of `height * width`. */
export function gatherPlane(
  source: usize,
  rows: usize,
  columns: usize,
  height: i32,
  width: i32,
  target: usize,
): void {
  for (let y = 0; y < height; y++) {
    const row = source + <usize>load<i32>(rows + ((<usize>y) << 2));
    for (let x = 0; x < width; x++)
      store<u8>(target + x, load<u8>(row + <usize>load<i32>(columns + ((<usize>x) << 2))));
    target += width;
  }
}

/** Writes `source[places[i]]` for each place that is not negative. Elements have 1, 2, 4 or 8 bytes. */
export function gatherElements(source: usize, places: usize, count: i32, bytes: i32, target: usize): void {
  if (bytes === 1) gather<u8>(source, places, count, target);
  else if (bytes === 2) gather<u16>(source, places, count, target);
  else if (bytes === 4) gather<u32>(source, places, count, target);
  else gather<u64>(source, places, count, target);
}

function gather<T>(source: usize, places: usize, count: i32, target: usize): void {
  for (let i = 0; i < count; i++) {
    const place = load<i32>(places + ((<usize>i) << 2));
    if (place >= 0) store<T>(target + <usize>i * sizeof<T>(), load<T>(source + <usize>place * sizeof<T>()));
  }
}
