import { imageWorkspace } from '../image-workspace.js';
import type { ImageLayout } from '../normalize-pixels.js';
import type { RgbxImage } from '../rgbx-image.js';
import type { PlanarImage, PlanarSize } from './planar-image.js';
import { askKernel, runKernel } from './run-kernel.js';

type Values = Float32Array | Uint8Array | Uint16Array;

/**
 * The red, green and blue of an image, channel by channel.
 *
 * @param channels - 1: the gray of Pillow's `convert('L')` instead; 4: alpha as well. @defaultValue `3`
 */
export function planarOf({ width, height, data }: RgbxImage, channels: 1 | 3 | 4 = 3): PlanarImage {
  const pixels = width * height;
  const address = imageWorkspace().kernels?.memory.addressOf(data);
  const planar = runKernel(address ?? data, pixels, channels * pixels, ({ functions, source, target }) => {
    if (channels === 1) functions.grayOfRgbx(source, pixels, target);
    else functions.planesOfRgbx(source, pixels, channels, target);
  });
  const plainly = channels === 1 ? grayPlainly : planesPlainly;
  return { channels, height, width, data: planar ?? plainly(data, pixels, channels) };
}

/** The gray by ITU-R BT.601, with Pillow's rounding. */
function grayPlainly(data: Uint8Array, pixels: number): Uint8Array {
  const gray = new Uint8Array(pixels);
  for (let i = 0, from = 0; i < pixels; i++, from += 4)
    gray[i] = (data[from]! * 19_595 + data[from + 1]! * 38_470 + data[from + 2]! * 7_471 + 0x8000) >> 16;
  return gray;
}

function planesPlainly(data: Uint8Array, pixels: number, channels: number): Uint8Array {
  const planar = new Uint8Array(channels * pixels);
  for (let channel = 0; channel < channels; channel++)
    for (let i = 0; i < pixels; i++) planar[channel * pixels + i] = data[4 * i + channel]!;
  return planar;
}

/**
 * Writes an image in a layout.
 *
 * @param levels - For each channel, the value of each of 256 levels. @defaultValue the levels themselves
 */
export function writePlanar(
  image: PlanarImage,
  layout: ImageLayout,
  target: Values,
  levels?: readonly (Float32Array | Uint16Array)[],
): void {
  const isDone = levels
    ? !(target instanceof Uint8Array) && lookUpFast(image, layout, target, levels)
    : copyFast(image, layout, target);
  if (!isDone) writeValues(image, layout, target, levels);
}

/** @returns whether there are kernels for it. */
function lookUpFast(
  { channels, height, width, data }: PlanarImage,
  layout: ImageLayout,
  target: Float32Array | Uint16Array,
  levels: readonly (Float32Array | Uint16Array)[],
): boolean {
  const pixels = height * width;
  const [step, next] = layout === 'NHWC' ? [channels, 1] : [1, pixels];
  const each = target.BYTES_PER_ELEMENT;
  const done = askKernel(data, pixels, ({ functions, source, workspace }) => {
    const { memory } = workspace.kernels!;
    const direct = memory.addressOf(target);
    const address = direct ?? workspace.bytes('normalized', target.byteLength).byteOffset;
    for (let channel = 0; channel < channels; channel++) {
      const table = workspace.place('values of levels', levels[channel]!);
      const [from, to] = [source + channel * pixels, address + each * channel * next];
      functions.lookUpLevels(from, pixels, table, each, each * step, to);
    }
    if (direct === undefined) {
      const values = new Uint8Array(memory.buffer, address, target.byteLength);
      new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(values);
    }
    return 1;
  });
  return done !== undefined;
}

/** @returns whether there is a quick way. */
function copyFast(
  { channels, height, width, data }: PlanarImage,
  layout: ImageLayout,
  target: Values,
): boolean {
  if (layout === 'NCHW' || channels === 1) {
    target.set(data);
    return true;
  }
  if (channels !== 3 && channels !== 4) return false;
  const pixels = height * width;
  const joined = runKernel(data, pixels, channels * pixels, (call) => {
    if (channels === 3) call.functions.interleaveRgb(call.source, pixels, call.target);
    else call.functions.pixelsOfPlanes(call.source, pixels, channels, call.target);
  });
  if (joined) target.set(joined);
  return joined !== undefined;
}

/**
 * Writes values of any dtype, channel by channel, in a layout: {@link writePlanar} in plain TypeScript.
 *
 * @param levels - For each channel, what each value becomes. @defaultValue the values themselves
 */
export function writeValues(
  { channels, height, width, data }: PlanarSize & { readonly channels: number; readonly data: Values },
  layout: ImageLayout,
  target: Values,
  levels?: readonly (Float32Array | Uint16Array)[],
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
