import { antialiasedWeights, type FilterWeights, nearestWeights, type ResizeFilter } from './axis-weights.js';
import { gatherPixels } from './gather-pixels.js';
import { blankImage, copyImage, type PlanarImage, type PlanarSize, planeOf } from './planar-image.js';
import { runKernel } from './run-kernel.js';

/** Interpolation of a resize. */
export type Interpolation = 'nearest' | 'nearest-exact' | ResizeFilter;

export interface Resizing {
  readonly interpolation: Interpolation;
  /** Whether the filter widens when the image shrinks. */
  readonly antialias: boolean;
}

/** Resizes an image: the same values as torchvision gives for uint8 tensors. */
export function resizeImage(image: PlanarImage, size: PlanarSize, resizing: Resizing): PlanarImage {
  const { interpolation, antialias } = resizing;
  if (size.height === image.height && size.width === image.width) return copyImage(image);
  if (interpolation === 'nearest' || interpolation === 'nearest-exact')
    return pickNearest(image, size, interpolation === 'nearest' ? 0 : 0.5);
  const weights = (length: number, n: number) =>
    antialias
      ? antialiasedWeights(interpolation, { start: 0, length }, length, n, 'int16')
      : nearestWeights(interpolation, length, n);
  const wide =
    size.width === image.width ? image : resizeRows(image, size.width, weights(image.width, size.width));
  return size.height === image.height
    ? wide
    : resizeColumns(wide, size.height, weights(image.height, size.height));
}

/** Resizes along rows. */
export function resizeRows(image: PlanarImage, width: number, filter: FilterWeights): PlanarImage {
  const { channels, height } = image;
  const pixels = height * image.width;
  const data = runKernel(
    image.data,
    pixels,
    channels * height * width,
    ({ functions, source, target, workspace }) => {
      const { starts, bits } = filter;
      const { weights, taps } = inFours(filter);
      const [startsAt, weightsAt] = [workspace.place('starts', starts), workspace.place('taps', weights)];
      functions.resizeRows(
        source,
        channels * height,
        image.width,
        startsAt,
        weightsAt,
        taps,
        bits,
        width,
        target,
      );
    },
  );
  return data ? { channels, height, width, data } : resizeRowsPlainly(image, width, filter);
}

/** The same weights, with a number of taps that is a multiple of four. */
function inFours({ weights, taps, starts }: FilterWeights): Pick<FilterWeights, 'weights' | 'taps'> {
  if (taps % 4 === 0) return { weights, taps };
  const wide = 4 * Math.ceil(taps / 4);
  const spread = new Int32Array(starts.length * wide);
  for (let i = 0; i < starts.length; i++) spread.set(weights.subarray(i * taps, (i + 1) * taps), i * wide);
  return { weights: spread, taps: wide };
}

function resizeRowsPlainly(image: PlanarImage, width: number, filter: FilterWeights): PlanarImage {
  const { starts, counts, weights, taps, bits } = filter;
  const resized = blankImage(image.channels, { height: image.height, width });
  const rows = image.channels * image.height;
  const half = 2 ** (bits - 1);
  for (let row = 0; row < rows; row++) {
    const source = row * image.width;
    const target = row * width;
    for (let x = 0; x < width; x++) {
      const first = source + starts[x]!;
      let sum = half;
      for (let k = 0; k < counts[x]!; k++) sum += image.data[first + k]! * weights[x * taps + k]!;
      resized.data[target + x] = limited(sum >> bits);
    }
  }
  return resized;
}

/** Resizes along columns. */
export function resizeColumns(image: PlanarImage, height: number, filter: FilterWeights): PlanarImage {
  const { channels, width } = image;
  const pixels = image.height * width;
  const data = runKernel(
    image.data,
    pixels,
    channels * height * width,
    ({ functions, source, target, workspace }) => {
      const { starts, counts, weights, taps, bits } = filter;
      const [startsAt, countsAt] = [workspace.place('starts', starts), workspace.place('counts', counts)];
      const weightsAt = workspace.place('taps', weights);
      functions.resizeColumns(
        source,
        channels,
        image.height,
        width,
        startsAt,
        countsAt,
        weightsAt,
        taps,
        bits,
        height,
        target,
      );
    },
  );
  return data ? { channels, height, width, data } : resizeColumnsPlainly(image, height, filter);
}

function resizeColumnsPlainly(image: PlanarImage, height: number, filter: FilterWeights): PlanarImage {
  const { starts, counts, weights, taps, bits } = filter;
  const { width } = image;
  const resized = blankImage(image.channels, { height, width });
  const half = 2 ** (bits - 1);
  const sums = new Int32Array(width);
  for (let channel = 0; channel < image.channels; channel++) {
    const from = planeOf(image, channel);
    const to = planeOf(resized, channel);
    for (let y = 0; y < height; y++) {
      sums.fill(half);
      for (let k = 0; k < counts[y]!; k++) {
        const row = (starts[y]! + k) * width;
        const weight = weights[y * taps + k]!;
        for (let x = 0; x < width; x++) sums[x]! += from[row + x]! * weight;
      }
      for (let x = 0; x < width; x++) to[y * width + x] = limited(sums[x]! >> bits);
    }
  }
  return resized;
}

function limited(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** @param shift - The point of a result pixel that is sampled: 0, its corner, as PyTorch's `nearest`; 0.5, its center, as Pillow's. */
function pickNearest(image: PlanarImage, size: PlanarSize, shift: 0 | 0.5): PlanarImage {
  const rows = nearestSources(size.height, image.height, shift).map((y) => y * image.width);
  return gatherPixels(image, size, rows, nearestSources(size.width, image.width, shift));
}

function nearestSources(n: number, length: number, shift: number): Int32Array {
  const scale = Math.fround(length / n);
  return Int32Array.from({ length: n }, (_, i) =>
    Math.min(length - 1, Math.floor(Math.fround(Math.fround(i + shift) * scale))),
  );
}
