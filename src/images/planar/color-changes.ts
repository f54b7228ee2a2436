import { blendWithLevel, meanLevel } from './level-tables.js';
import { copyImage, type PlanarImage, planeOf, toByte } from './planar-image.js';
import { askKernel, runKernel } from './run-kernel.js';

/** Weights of red, green and blue in gray, in float32. */
const [redShare, greenShare, blueShare] = [Math.fround(0.2989), Math.fround(0.587), Math.fround(0.114)];

/** The gray of an RGB image: one channel. */
export function grayOf(image: PlanarImage): PlanarImage {
  const { height, width } = image;
  const pixels = height * width;
  const data = runKernel(image.data, pixels, pixels, ({ functions, source, target }) =>
    functions.grayOfRgb(source, pixels, target),
  );
  return { channels: 1, height, width, data: data ?? grayPlainly(image) };
}

function grayPlainly(image: PlanarImage): Uint8Array {
  const [red, green, blue] = [planeOf(image, 0), planeOf(image, 1), planeOf(image, 2)];
  const data = new Uint8Array(red.length);
  for (let i = 0; i < data.length; i++) {
    const withGreen = Math.fround(Math.fround(red[i]! * redShare) + green[i]! * greenShare);
    data[i] = Math.fround(withGreen + blue[i]! * blueShare);
  }
  return data;
}

/** Repeats the first channel of an image. */
export function repeatChannel(image: PlanarImage, channels: number): PlanarImage {
  const plane = planeOf(image, 0);
  const data = new Uint8Array(channels * plane.length);
  for (let channel = 0; channel < channels; channel++) data.set(plane, channel * plane.length);
  return { ...image, channels, data };
}

/** Moves all values away from the mean gray of the image, or toward it. */
export function changeContrast(image: PlanarImage, factor: number): PlanarImage {
  return blendWithLevel(image, meanGray(image), factor);
}

function meanGray(image: PlanarImage): number {
  if (image.channels !== 3) return meanLevel(image);
  const pixels = image.height * image.width;
  const sum = askKernel(image.data, pixels, ({ functions, source }) => functions.sumOfGray(source, pixels));
  return sum === undefined ? meanLevel(grayOf(image)) : Math.fround(Math.fround(sum) / pixels);
}

/** Moves the channels of each pixel away from its gray, or toward it. An image of one channel stays as it is. */
export function changeSaturation(image: PlanarImage, factor: number): PlanarImage {
  if (image.channels === 1) return copyImage(image);
  const pixels = image.height * image.width;
  const [scale, rest] = [Math.fround(factor), Math.fround(1 - factor)];
  const data = runKernel(image.data, pixels, image.data.length, ({ functions, source, target }) =>
    functions.blendGray(source, pixels, scale, rest, target),
  );
  return { ...image, data: data ?? blendGrayPlainly(image, scale, rest) };
}

function blendGrayPlainly(image: PlanarImage, scale: number, rest: number): Uint8Array {
  const data = image.data.slice();
  const gray = grayOf(image).data;
  const scaled = Float32Array.from({ length: 256 }, (_, value) => value * scale);
  for (let channel = 0; channel < 3; channel++) {
    const offset = channel * gray.length;
    for (let i = 0; i < gray.length; i++)
      data[offset + i] = toByte(Math.fround(scaled[data[offset + i]!]! + gray[i]! * rest));
  }
  return data;
}

/** Rotates the hue by a fraction of the circle. An image of one channel stays as it is. */
export function turnHue(image: PlanarImage, turn: number): PlanarImage {
  if (image.channels === 1) return copyImage(image);
  const pixels = image.height * image.width;
  const shift = Math.fround(turn);
  const data = runKernel(image.data, pixels, image.data.length, ({ functions, source, target }) =>
    functions.turnHue(source, pixels, shift, target),
  );
  return { ...image, data: data ?? turnHuePlainly(image.data, pixels, shift) };
}

function turnHuePlainly(from: Uint8Array, pixels: number, shift: number): Uint8Array {
  const data = new Uint8Array(from);
  for (let i = 0; i < pixels; i++) turnPixel(data, i, pixels, shift);
  return data;
}

const unit = Math.fround(1 / 255);
const sixth = Math.fround(1 / 6);
const whole = Math.fround(255.999);

/** One pixel to hue, saturation and value, and back: every operation in float32, as in PyTorch. */
function turnPixel(data: Uint8Array, red: number, pixels: number, shift: number): void {
  const green = red + pixels;
  const blue = green + pixels;
  const r = Math.fround(data[red]! * unit);
  const g = Math.fround(data[green]! * unit);
  const b = Math.fround(data[blue]! * unit);
  const high = Math.max(r, g, b);
  const low = Math.min(r, g, b);
  const range = Math.fround(high - low);
  const isGray = range === 0;
  const saturation = Math.fround(range / (isGray ? 1 : high));
  const divisor = isGray ? 1 : range;
  const toRed = Math.fround(Math.fround(high - r) / divisor);
  const toGreen = Math.fround(Math.fround(high - g) / divisor);
  const toBlue = Math.fround(Math.fround(high - b) / divisor);
  let hue: number;
  if (high === r) hue = Math.fround(toBlue - toGreen);
  else if (high === g) hue = Math.fround(Math.fround(toRed + 2) - toBlue);
  else hue = Math.fround(Math.fround(toGreen + 4) - toRed);
  hue = Math.fround(Math.fround(hue * sixth) + 1);
  // The remainders by 1, without a division: the operands are below 2.
  if (hue >= 1) hue -= 1;
  hue = Math.fround(hue + shift);
  if (hue >= 1) hue -= 1;
  else if (hue < 0) hue = Math.fround(hue + 1);
  const sixths = Math.fround(hue * 6);
  const sector = Math.floor(sixths);
  const within = Math.fround(sixths - sector);
  const part = Math.fround(saturation * within);
  const pale = Math.fround(1 - saturation);
  const p = byteOf(Math.fround(pale * high));
  const q = byteOf(Math.fround(Math.fround(1 - part) * high));
  const t = byteOf(Math.fround(Math.fround(part + pale) * high));
  const v = byteOf(high);
  const k = sector === 6 ? 0 : sector;
  data[red] = k === 0 || k === 5 ? v : k === 1 ? q : k === 4 ? t : p;
  data[green] = k === 1 || k === 2 ? v : k === 0 ? t : k === 3 ? q : p;
  data[blue] = k === 3 || k === 4 ? v : k === 2 ? t : k === 5 ? q : p;
}

/** A value from 0 to 1 as a byte. */
function byteOf(value: number): number {
  const limited = value < 0 ? 0 : value > 1 ? 1 : value;
  // Writing it into bytes drops the fraction.
  return Math.fround(limited * whole);
}
