import { type PlanarImage, planeOf, toByte } from './planar-image.js';
import { askKernel, runKernel } from './run-kernel.js';

// Changes that depend on a pixel's level alone. Each is a table of 256 levels, computed as PyTorch computes it in float32;
// then one look-up per value.

const levels = 256;

function tableOf(level: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: levels }, (_, value) => level(value));
}

/** Replaces all levels of an image. */
function mapLevels(image: PlanarImage, table: Uint8Array): PlanarImage {
  return { ...image, data: mapBytes(image.data, table) };
}

function mapBytes(bytes: Uint8Array, table: Uint8Array): Uint8Array {
  const mapped = runKernel(bytes, bytes.length, bytes.length, ({ functions, source, target, workspace }) =>
    functions.mapLevels(source, bytes.length, workspace.place('levels', table), target),
  );
  return mapped ?? mapPlainly(bytes, table);
}

function mapPlainly(bytes: Uint8Array, table: Uint8Array): Uint8Array {
  const target = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) target[i] = table[bytes[i]!]!;
  return target;
}

/** Replaces the levels of each channel by a table of its own. */
function mapChannels(image: PlanarImage, tableOfPlane: (plane: Uint8Array) => Uint8Array): PlanarImage {
  const changed = { ...image, data: new Uint8Array(image.data.length) };
  for (let channel = 0; channel < image.channels; channel++) {
    const plane = planeOf(image, channel);
    planeOf(changed, channel).set(mapBytes(plane, tableOfPlane(plane)));
  }
  return changed;
}

/** Multiplies by a factor. */
export function brighten(image: PlanarImage, factor: number): PlanarImage {
  const scale = Math.fround(factor);
  return mapLevels(
    image,
    tableOf((value) => toByte(Math.fround(value * scale))),
  );
}

/** Moves all values away from one level, or toward it. */
export function blendWithLevel(image: PlanarImage, level: number, factor: number): PlanarImage {
  const [scale, rest] = [Math.fround(factor), Math.fround(1 - factor)];
  // PyTorch multiplies and adds in one step, without rounding between.
  return mapLevels(
    image,
    tableOf((value) => toByte(Math.fround(Math.fround(value * scale) + level * rest))),
  );
}

/** `gain * value ** gamma`, on a scale from 0 to 1. */
export function adjustGammaOf(image: PlanarImage, gamma: number, gain: number): PlanarImage {
  const unit = Math.fround(1 / 255);
  const whole = Math.fround(255.999);
  return mapLevels(
    image,
    tableOf((value) => {
      const power = Math.fround(Math.fround(value * unit) ** Math.fround(gamma));
      const scaled = gain === 1 ? power : Math.min(1, Math.max(0, Math.fround(power * Math.fround(gain))));
      return toByte(Math.fround(scaled * whole));
    }),
  );
}

/** Keeps the highest bits of each value. */
export function keepBits(image: PlanarImage, bits: number): PlanarImage {
  const mask = ((1 << bits) - 1) << (8 - bits);
  return mapLevels(
    image,
    tableOf((value) => value & mask),
  );
}

/** Inverts the values that are at least a threshold. */
export function solarizeFrom(image: PlanarImage, threshold: number): PlanarImage {
  return mapLevels(
    image,
    tableOf((value) => (value >= threshold ? 255 - value : value)),
  );
}

export function invertLevels(image: PlanarImage): PlanarImage {
  return mapLevels(
    image,
    tableOf((value) => 255 - value),
  );
}

/** Stretches each channel to the whole range of levels. */
export function stretchContrast(image: PlanarImage): PlanarImage {
  return mapChannels(image, (plane) => {
    const [low, high] = rangeOf(plane);
    if (low === high) return tableOf((value) => value);
    const scale = Math.fround((high - low) * Math.fround(1 / 255));
    return tableOf((value) => toByte(Math.fround((value - low) / scale)));
  });
}

/** Spreads the levels of each channel so that its histogram becomes flat, by Pillow's rule. */
export function equalizeHistogram(image: PlanarImage): PlanarImage {
  return mapChannels(image, (plane) => {
    const counts = histogramOf(plane);
    let highest = levels - 1;
    while (counts[highest] === 0) highest--;
    const step = Math.floor((plane.length - counts[highest]!) / 255);
    if (step === 0) return tableOf((value) => value);
    let below = step >> 1;
    return tableOf((value) => {
      const level = Math.min(255, Math.floor(below / step));
      below += counts[value]!;
      return value === 0 ? 0 : level;
    });
  });
}

function rangeOf(plane: Uint8Array): readonly [low: number, high: number] {
  const both = askKernel(plane, plane.length, ({ functions, source }) =>
    functions.levelRange(source, plane.length),
  );
  if (both !== undefined) return [both & 255, both >> 8];
  let [low, high] = [255, 0];
  for (const value of plane) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function histogramOf(plane: Uint8Array): Uint32Array {
  const counts = new Uint32Array(levels);
  // The kernel counts in four rows.
  const rows = runKernel(plane, plane.length, 16 * levels, ({ functions, source, target }) =>
    functions.countLevels(source, plane.length, target),
  );
  if (rows)
    new Uint32Array(rows.buffer).forEach((count, i) => {
      counts[i % levels]! += count;
    });
  else for (const value of plane) counts[value]!++;
  return counts;
}

/** The mean of all values, in float32. */
export function meanLevel({ data }: PlanarImage): number {
  const sum = askKernel(data, data.length, ({ functions, source }) =>
    functions.sumOfLevels(source, data.length),
  );
  return Math.fround(Math.fround(sum ?? sumPlainly(data)) / data.length);
}

function sumPlainly(data: Uint8Array): number {
  let sum = 0;
  for (const value of data) sum += value;
  return sum;
}
