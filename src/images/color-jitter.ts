import type { SampleRandom } from '../core/dataset.js';
import type { StepOf } from './image-transform.js';
import type { RgbxImage } from './rgbx-image.js';

/** Weights of red, green and blue in gray, in 65,536ths, as in Pillow. */
const gray = [19_595, 38_470, 7_471] as const;

/** Changes the colors of an image in place, with the sample's random numbers. */
export function jitterColors(image: RgbxImage, jitter: StepOf<'colorJitter'>, rng: SampleRandom): void {
  const around = (strength: number): number => {
    const low = Math.max(0, 1 - strength);
    return low + rng.float() * (1 + strength - low);
  };
  const changes: (() => void)[] = [];
  const { brightness, contrast, saturation, hue } = jitter;
  const byBrightness = around(brightness);
  const byContrast = around(contrast);
  const bySaturation = around(saturation);
  const byHue = (2 * rng.float() - 1) * hue;
  if (brightness > 0) changes.push(() => blend(image, () => 0, byBrightness));
  if (contrast > 0) {
    changes.push(() => {
      const mean = meanGrey(image);
      blend(image, () => mean, byContrast);
    });
  }
  if (saturation > 0) changes.push(() => blend(image, (pixel) => grayOf(image, pixel), bySaturation));
  if (hue > 0) changes.push(() => turnHue(image, byHue));
  for (let left = changes.length; left > 0; left--) changes.splice(rng.integer(0, left), 1)[0]!();
}

/** Moves each channel toward or away from a level. */
function blend({ width, height, data }: RgbxImage, level: (pixel: number) => number, factor: number): void {
  for (let pixel = 0; pixel < 4 * width * height; pixel += 4) {
    const base = level(pixel);
    for (let channel = 0; channel < 3; channel++)
      data[pixel + channel] = clamped(base + factor * (data[pixel + channel]! - base));
  }
}

function grayOf({ data }: RgbxImage, pixel: number): number {
  const [red, green, blue] = gray;
  return (data[pixel]! * red + data[pixel + 1]! * green + data[pixel + 2]! * blue + 32_768) >> 16;
}

function meanGrey(image: RgbxImage): number {
  const pixels = image.width * image.height;
  let sum = 0;
  for (let i = 0; i < pixels; i++) sum += grayOf(image, 4 * i);
  return Math.floor(sum / pixels + 0.5);
}

/** Rotates the hue by a fraction of the circle. */
function turnHue({ width, height, data }: RgbxImage, turn: number): void {
  for (let pixel = 0; pixel < 4 * width * height; pixel += 4) {
    const [r, g, b] = [data[pixel]!, data[pixel + 1]!, data[pixel + 2]!];
    const high = Math.max(r, g, b);
    const chroma = high - Math.min(r, g, b);
    if (chroma === 0) continue;
    let sector = (g - b) / chroma;
    if (high === g) sector = 2 + (b - r) / chroma;
    else if (high === b) sector = 4 + (r - g) / chroma;
    const turned = (((sector + 6 * turn) % 6) + 6) % 6;
    for (const [channel, offset] of [5, 3, 1].entries()) {
      const k = (offset + turned) % 6;
      data[pixel + channel] = clamped(high - chroma * Math.max(0, Math.min(k, 4 - k, 1)));
    }
  }
}

function clamped(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
