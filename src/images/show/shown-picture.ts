import type { Tensor } from '../../core/tensor.js';

/** An image to look at: red, green and blue, one byte each, row by row. */
export interface ShownPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8ClampedArray;
  /** Pixels of the original per shown pixel, on each axis. */
  readonly step: number;
}

type Numbers = Exclude<Tensor['data'], BigInt64Array | BigUint64Array>;

/** Where the pixels of an image are in a tensor. */
export interface PictureLayout {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Distance in elements to the next row, column and channel. */
  readonly row: number;
  readonly column: number;
  readonly channel: number;
}

/** Smaller tensors are no images: their numbers say more. */
const leastSide = 8;

/** The layout of `[H, W, C]` or `[C, H, W]`, with 1, 3 or 4 channels and at least 8 pixels a side; `undefined` for others. */
export function pictureLayout(shape: readonly number[], dtype: string): PictureLayout | undefined {
  if (shape.length !== 3 || !(dtype === 'uint8' || dtype.startsWith('float'))) return undefined;
  const [a = 0, b = 0, c = 0] = shape;
  if (isChannels(c) && Math.min(a, b) >= leastSide)
    return { height: a, width: b, channels: c, row: b * c, column: c, channel: 1 };
  if (isChannels(a) && Math.min(b, c) >= leastSide)
    return { height: b, width: c, channels: a, row: c, column: 1, channel: b * c };
  return undefined;
}

function isChannels(size: number): boolean {
  return size === 1 || size === 3 || size === 4;
}

/**
 * Shows an image: every nth pixel of each axis. Values that are not uint8 are stretched from the lowest to the highest, so that normalized
 * images are visible. Alpha is not shown.
 *
 * @param mostSide - Pixels of the longer side at most.
 */
export function showPicture(
  pixels: Numbers,
  { height, width, channels, row, column, channel }: PictureLayout,
  mostSide: number,
): ShownPicture {
  const step = Math.max(1, Math.ceil(Math.max(height, width) / mostSide));
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const { min, max } = pixels instanceof Uint8Array ? { min: 0, max: 255 } : rangeOf(pixels);
  const rgb = new Uint8ClampedArray(rows * columns * 3);
  const scale = 255 / (max - min || 1);
  const [green, blue] = channels < 3 ? [0, 0] : [channel, 2 * channel];
  for (let y = 0, out = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const at = y * step * row + x * step * column;
      rgb[out++] = (pixels[at]! - min) * scale;
      rgb[out++] = (pixels[at + green]! - min) * scale;
      rgb[out++] = (pixels[at + blue]! - min) * scale;
    }
  return { width: columns, height: rows, rgb, step };
}

/** Values that are examined for the range, spread over the image. */
const rangeElements = 4_096;

function rangeOf(values: Numbers): { readonly min: number; readonly max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const step = Math.max(1, Math.floor(values.length / rangeElements));
  for (let i = 0; i < values.length; i += step) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : { min: 0, max: 1 };
}
