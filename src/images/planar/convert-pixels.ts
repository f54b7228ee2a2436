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
export function planarOf(image: RgbxImage, channels: 1 | 3 | 4 = 3): PlanarImage {
  const { width, height, data } = image;
  if (channels === 1) return grayOf(image);
  const pixels = width * height;
  if (channels === 4) return { channels, height, width, data: withAlpha(data, pixels) };
  const address = imageWorkspace().kernels?.memory.addressOf(data);
  const planar = runKernel(address ?? data, pixels, 3 * pixels, ({ functions, source, target }) =>
    functions.planesOfRgbx(source, pixels, target),
  );
  return { channels: 3, height, width, data: planar ?? planesPlainly(data, pixels) };
}

/** Luma by ITU-R BT.601, with Pillow's rounding. */
function grayOf({ width, height, data }: RgbxImage): PlanarImage {
  const gray = new Uint8Array(width * height);
  for (let i = 0, from = 0; i < gray.length; i++, from += 4)
    gray[i] = (data[from]! * 19_595 + data[from + 1]! * 38_470 + data[from + 2]! * 7_471 + 0x8000) >> 16;
  return { channels: 1, height, width, data: gray };
}

function withAlpha(data: Uint8Array, pixels: number): Uint8Array {
  const planar = new Uint8Array(4 * pixels);
  planar.set(planesPlainly(data, pixels));
  for (let i = 0; i < pixels; i++) planar[3 * pixels + i] = data[4 * i + 3]!;
  return planar;
}

function planesPlainly(data: Uint8Array, pixels: number): Uint8Array {
  const planar = new Uint8Array(3 * pixels);
  for (let i = 0, from = 0; i < pixels; i++, from += 4) {
    planar[i] = data[from]!;
    planar[pixels + i] = data[from + 1]!;
    planar[2 * pixels + i] = data[from + 2]!;
  }
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
    ? target instanceof Float32Array && lookUpFast(image, layout, target, levels as readonly Float32Array[])
    : copyFast(image, layout, target);
  if (!isDone) writeValues(image, layout, target, levels);
}

/** @returns whether there are kernels for it. */
function lookUpFast(
  { channels, height, width, data }: PlanarImage,
  layout: ImageLayout,
  target: Float32Array,
  levels: readonly Float32Array[],
): boolean {
  const pixels = height * width;
  const [step, next] = layout === 'NHWC' ? [channels, 1] : [1, pixels];
  const done = askKernel(data, pixels, ({ functions, source, workspace }) => {
    const { memory } = workspace.kernels!;
    const direct = memory.addressOf(target);
    const address = direct ?? workspace.bytes('normalized', target.byteLength).byteOffset;
    for (let channel = 0; channel < channels; channel++) {
      const table = workspace.place('values of levels', levels[channel]!);
      functions.lookUpLevels(
        source + channel * pixels,
        pixels,
        table,
        4 * step,
        address + 4 * channel * next,
      );
    }
    if (direct === undefined) target.set(new Float32Array(memory.buffer, address, target.length));
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
  if (channels !== 3) return false;
  const pixels = height * width;
  const joined = runKernel(data, pixels, 3 * pixels, (call) =>
    call.functions.interleaveRgb(call.source, pixels, call.target),
  );
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
