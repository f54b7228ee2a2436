import type { ImageWorkspace } from './image-workspace.js';
import type { RgbxImage } from './rgbx-image.js';

/** Scale and bias per channel: `value * scale + bias`, in float32. */
export interface ChannelScaling {
  readonly scale: readonly number[];
  readonly bias: readonly number[];
}

/** Order of the axes of an image: channels, height, width, or channels last. */
export type ImageLayout = 'NCHW' | 'NHWC';

/**
 * Writes an image as float32 into the batch.
 *
 * @param target - `3 * width * height` elements.
 */
export function normalizePixels(
  image: RgbxImage,
  { scale, bias }: ChannelScaling,
  layout: ImageLayout,
  target: Float32Array,
  workspace: ImageWorkspace,
): void {
  const pixels = image.width * image.height;
  const { kernels } = workspace;
  if (!kernels) {
    normalizePlainly(image, { scale, bias }, layout, target);
    return;
  }
  const direct = kernels.memory.addressOf(target);
  const address = direct ?? workspace.bytes('normalized', target.byteLength).byteOffset;
  const interleaved = layout === 'NHWC' ? 1 : 0;
  const factors = [scale[0]!, scale[1]!, scale[2]!, bias[0]!, bias[1]!, bias[2]!] as const;
  kernels.functions.normalizeRgbx(image.data.byteOffset, pixels, address, interleaved, ...factors);
  if (direct === undefined) target.set(new Float32Array(kernels.memory.buffer, address, target.length));
}

function normalizePlainly(
  { width, height, data }: RgbxImage,
  { scale, bias }: ChannelScaling,
  layout: ImageLayout,
  target: Float32Array,
): void {
  const pixels = width * height;
  const [step, next] = layout === 'NHWC' ? [3, 1] : [1, pixels];
  for (let channel = 0; channel < 3; channel++) {
    // The kernel computes in float32, and so does this loop.
    const factor = Math.fround(scale[channel]!);
    const offset = Math.fround(bias[channel]!);
    for (let i = 0; i < pixels; i++)
      target[i * step + channel * next] = Math.fround(data[4 * i + channel]! * factor) + offset;
  }
}

/** Writes an image as bytes. */
export function copyPixels(
  image: RgbxImage,
  layout: ImageLayout,
  target: Uint8Array,
  workspace: ImageWorkspace,
): void {
  const pixels = image.width * image.height;
  const { kernels } = workspace;
  const source = kernels?.memory.addressOf(image.data);
  // The kernel of planes works on 16 pixels at a time.
  if (!kernels || source === undefined || pixels < 16) {
    copyPlainly(image, layout, target);
    return;
  }
  const direct = kernels.memory.addressOf(target);
  const address = direct ?? workspace.bytes('packed', target.byteLength).byteOffset;
  if (layout === 'NHWC') kernels.functions.rgbOfRgbx(source, pixels, address);
  else kernels.functions.planesOfRgbx(source, pixels, 3, address);
  if (direct === undefined) target.set(new Uint8Array(kernels.memory.buffer, address, target.length));
}

function copyPlainly({ width, height, data }: RgbxImage, layout: ImageLayout, target: Uint8Array): void {
  const pixels = width * height;
  const [step, next] = layout === 'NHWC' ? [3, 1] : [1, pixels];
  for (let i = 0; i < pixels; i++)
    for (let channel = 0; channel < 3; channel++) target[i * step + channel * next] = data[4 * i + channel]!;
}
