import type { ImageLayout } from '../normalize-pixels.js';
import type { RgbxImage } from '../rgbx-image.js';
import type { PlanarImage } from './planar-image.js';

/** The red, green and blue of an image, channel by channel. */
export function planarOf({ width, height, data }: RgbxImage): PlanarImage {
  const pixels = width * height;
  const planar = new Uint8Array(3 * pixels);
  for (let i = 0, from = 0; i < pixels; i++, from += 4) {
    planar[i] = data[from]!;
    planar[pixels + i] = data[from + 1]!;
    planar[2 * pixels + i] = data[from + 2]!;
  }
  return { channels: 3, height, width, data: planar };
}

/**
 * Writes an image in a layout.
 *
 * @param levels - For each channel, the value of each of 256 levels. @defaultValue the levels themselves
 */
export function writePlanar(
  { channels, height, width, data }: PlanarImage,
  layout: ImageLayout,
  target: Float32Array | Uint8Array,
  levels?: readonly Float32Array[],
): void {
  const pixels = height * width;
  const [step, next] = layout === 'NHWC' ? [channels, 1] : [1, pixels];
  for (let channel = 0; channel < channels; channel++) {
    const from = channel * pixels;
    let to = channel * next;
    const table = levels?.[channel];
    if (table) for (let i = 0; i < pixels; i++, to += step) target[to] = table[data[from + i]!]!;
    else for (let i = 0; i < pixels; i++, to += step) target[to] = data[from + i]!;
  }
}
