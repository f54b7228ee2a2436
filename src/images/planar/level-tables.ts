import { type PlanarImage, planeOf, toByte } from './planar-image.js';

// Changes that depend on a pixel's level alone. Each is a table of 256 levels, computed as PyTorch computes it in float32;
// then one look-up per value.

const levels = 256;

function tableOf(level: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: levels }, (_, value) => level(value));
}

/** Replaces all levels of an image. */
function mapLevels(image: PlanarImage, table: Uint8Array): PlanarImage {
  return { ...image, data: mapBytes(image.data, table, new Uint8Array(image.data.length)) };
}

function mapBytes(bytes: Uint8Array, table: Uint8Array, target: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i++) target[i] = table[bytes[i]!]!;
  return target;
}

/** Replaces the levels of each channel by a table of its own. */
function mapChannels(image: PlanarImage, tableOfPlane: (plane: Uint8Array) => Uint8Array): PlanarImage {
  const changed = { ...image, data: new Uint8Array(image.data.length) };
  for (let channel = 0; channel < image.channels; channel++) {
    const plane = planeOf(image, channel);
    mapBytes(plane, tableOfPlane(plane), planeOf(changed, channel));
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
    let [low, high] = [255, 0];
    for (const value of plane) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low === high) return tableOf((value) => value);
    const scale = Math.fround((high - low) * Math.fround(1 / 255));
    return tableOf((value) => toByte(Math.fround((value - low) / scale)));
  });
}

/** Spreads the levels of each channel so that its histogram becomes flat, by Pillow's rule. */
export function equalizeHistogram(image: PlanarImage): PlanarImage {
  return mapChannels(image, (plane) => {
    const counts = new Uint32Array(levels);
    for (const value of plane) counts[value]!++;
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

/** The mean of all values, in float32. */
export function meanLevel({ data }: PlanarImage): number {
  let sum = 0;
  for (const value of data) sum += value;
  return Math.fround(Math.fround(sum) / data.length);
}
