import { fillOf } from './crops.js';
import type { SamplingGrid } from './grids.js';
import { blankImage, type PlanarImage, planeOf, roundHalfEven, roundLevel } from './planar-image.js';
import { type KernelCall, runKernel } from './run-kernel.js';

/** How the pixels of a transformed image are interpolated. */
export interface GridSampling {
  readonly interpolation: 'nearest' | 'bilinear';
  /** Color of the pixels beyond the source: one value, or one for each channel. `undefined`: black, as in torchvision without `fill`. */
  readonly fill: number | readonly number[] | undefined;
}

/** Samples an image at the points of a grid, in float32, as PyTorch's `grid_sample`. */
export function sampleGrid(image: PlanarImage, grid: SamplingGrid, sampling: GridSampling): PlanarImage {
  const { channels } = image;
  const { height, width } = grid;
  if (width < leastWidth) return samplePlainly(image, grid, sampling);
  const data = runKernel(image.data, image.height * image.width, channels * height * width, (call) => {
    for (let first = 0; first < channels; first += together)
      sampleFast(call, image, first, Math.min(together, channels - first), grid, sampling);
  });
  return data ? { channels, height, width, data } : samplePlainly(image, grid, sampling);
}

/** The kernels sample four pixels of a row at a time, in up to four channels. */
const leastWidth = 4;
const together = 4;

/** Samples some channels, from pixels of four bytes. */
function sampleFast(
  { functions, source, target, workspace }: KernelCall,
  { height, width }: PlanarImage,
  first: number,
  channels: number,
  grid: SamplingGrid,
  { interpolation, fill }: GridSampling,
): void {
  const sourcePixels = height * width;
  const from = workspace.bytes('joined planes', 4 * sourcePixels + 16).byteOffset;
  functions.pixelsOfPlanes(source + first * sourcePixels, sourcePixels, channels, from);
  const colors = Float32Array.from({ length: together }, (_, k) =>
    k < channels ? fillOf(fill ?? 0, first + k) : 0,
  );
  const map = workspace.place('map', grid.map);
  const fills = workspace.place('fills', colors);
  const [fillBytes] = new Int32Array(Uint8Array.from(colors, roundHalfEven).buffer);
  const xs = workspace.bytes('grid x', 4 * (grid.width + 3)).byteOffset;
  const ys = workspace.bytes('grid y', 4 * (grid.width + 3)).byteOffset;
  const [u, v] = grid.origin;
  const [isPerspective, hasFill] = [grid.isPerspective ? 1 : 0, fill === undefined ? 0 : 1];
  const { width: count } = grid;
  const pixels = grid.height * count;
  for (let y = 0; y < grid.height; y++) {
    functions.placesOfRow(map, isPerspective, u, y + v, 0.5 * width, 0.5 * height, count, xs, ys);
    const to = target + first * pixels + y * count;
    if (interpolation === 'nearest')
      functions.nearestOfGrid(from, height, width, xs, ys, count, fillBytes!, channels, to, pixels);
    else functions.samplesOfGrid(from, height, width, xs, ys, count, hasFill, fills, channels, to, pixels);
  }
}

function samplePlainly(image: PlanarImage, grid: SamplingGrid, sampling: GridSampling): PlanarImage {
  const sampled = blankImage(image.channels, grid);
  const places = new RowPlaces(image, grid);
  for (let y = 0; y < grid.height; y++) {
    places.move(y);
    if (sampling.interpolation === 'nearest') pickRow(image, places, sampling.fill ?? 0, sampled, y);
    else mixRow(image, places, sampling.fill, sampled, y);
  }
  return sampled;
}

/** The points in the source of one row of a result, in pixels. */
class RowPlaces {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly #grid: SamplingGrid;
  readonly #halfWidth: number;
  readonly #halfHeight: number;

  constructor({ height, width }: PlanarImage, grid: SamplingGrid) {
    this.#grid = grid;
    this.x = new Float32Array(grid.width);
    this.y = new Float32Array(grid.width);
    this.#halfWidth = 0.5 * width;
    this.#halfHeight = 0.5 * height;
  }

  move(row: number): void {
    this.#grid.row(row, this.x, this.y);
    for (let i = 0; i < this.x.length; i++) {
      this.x[i] = Math.fround(Math.fround(this.x[i]! + 1) * this.#halfWidth) - 0.5;
      this.y[i] = Math.fround(Math.fround(this.y[i]! + 1) * this.#halfHeight) - 0.5;
    }
  }
}

function pickRow(
  image: PlanarImage,
  places: RowPlaces,
  fill: number | readonly number[],
  sampled: PlanarImage,
  row: number,
): void {
  const { channels, height, width } = image;
  const pixels = height * width;
  const resultPixels = sampled.height * sampled.width;
  const outside = Array.from({ length: channels }, (_, channel) => roundHalfEven(fillOf(fill, channel)));
  for (let i = 0; i < sampled.width; i++) {
    const x = roundHalfEven(places.x[i]!);
    const y = roundHalfEven(places.y[i]!);
    const to = row * sampled.width + i;
    const isInside = x >= 0 && y >= 0 && x < width && y < height;
    const from = y * width + x;
    for (let channel = 0; channel < channels; channel++)
      sampled.data[channel * resultPixels + to] = isInside
        ? image.data[channel * pixels + from]!
        : outside[channel]!;
  }
}

function mixRow(
  image: PlanarImage,
  places: RowPlaces,
  fill: number | readonly number[] | undefined,
  sampled: PlanarImage,
  row: number,
): void {
  const { channels, height, width } = image;
  const planes = Array.from({ length: channels }, (_, channel) => planeOf(image, channel));
  const targets = Array.from({ length: channels }, (_, channel) => planeOf(sampled, channel));
  const bases = Float32Array.from({ length: channels }, (_, channel) =>
    fill === undefined ? 0 : fillOf(fill, channel),
  );
  for (let i = 0; i < sampled.width; i++) {
    const x = places.x[i]!;
    const y = places.y[i]!;
    const left = Math.floor(x);
    const top = Math.floor(y);
    const east = Math.fround(x - left);
    const south = Math.fround(y - top);
    const west = Math.fround(1 - east);
    const north = Math.fround(1 - south);
    const hasWest = left >= 0 && left < width;
    const hasEast = left >= -1 && left < width - 1;
    const hasNorth = top >= 0 && top < height;
    const hasSouth = top >= -1 && top < height - 1;
    const northWest = hasNorth && hasWest ? Math.fround(west * north) : 0;
    const northEast = hasNorth && hasEast ? Math.fround(east * north) : 0;
    const southWest = hasSouth && hasWest ? Math.fround(west * south) : 0;
    const southEast = hasSouth && hasEast ? Math.fround(east * south) : 0;
    const at = top * width + left;
    const to = row * sampled.width + i;
    const inside = sum4(northWest, northEast, southWest, southEast);
    for (let channel = 0; channel < channels; channel++) {
      const plane = planes[channel]!;
      const mixed = sum4(
        (northWest && plane[at]!) * northWest,
        (northEast && plane[at + 1]!) * northEast,
        (southWest && plane[at + width]!) * southWest,
        (southEast && plane[at + width + 1]!) * southEast,
      );
      if (fill === undefined) targets[channel]![to] = roundLevel(mixed);
      else {
        const base = bases[channel]!;
        targets[channel]![to] = roundLevel(
          Math.fround(Math.fround(Math.fround(mixed - base) * inside) + base),
        );
      }
    }
  }
}

/** Adds four numbers from left to right, each rounded to float32, as the sums are. */
function sum4(a: number, b: number, c: number, d: number): number {
  const three = Math.fround(Math.fround(Math.fround(a) + Math.fround(b)) + Math.fround(c));
  return Math.fround(three + Math.fround(d));
}
