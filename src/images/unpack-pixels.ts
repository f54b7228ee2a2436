import type { ImageWorkspace } from './image-workspace.js';
import type { PackedPixels } from './packed-pixels.js';
import { type RgbxImage, rgbxBytes } from './rgbx-image.js';

/**
 * Unpacks pixels into the workspace, where the image is valid until the next call.
 *
 * @param withAlpha - Whether the fourth byte of pixels without alpha becomes 255; otherwise it has no meaning.
 */
export function unpackPixels(pixels: PackedPixels, workspace: ImageWorkspace, withAlpha = false): RgbxImage {
  const { width, height, channels, data, isCmyk = false } = pixels;
  const target = workspace.bytes('decoded', rgbxBytes(width, height));
  const { kernels } = workspace;
  if (kernels) {
    // The kernel reads up to four bytes beyond its source.
    const source = workspace.bytes('packed', data.length + 4);
    source.set(data);
    const inks = isCmyk ? 1 : 0;
    kernels.functions.rgbxOfPacked(source.byteOffset, width * height, channels, inks, target.byteOffset);
  } else unpackPlainly(pixels, target);
  if (withAlpha && (channels !== 4 || isCmyk))
    for (let i = 3; i < 4 * width * height; i += 4) target[i] = 255;
  return { width, height, data: target };
}

function unpackPlainly({ width, height, channels, data, isCmyk }: PackedPixels, target: Uint8Array): void {
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < 4 * width * height; from += channels, to += 4) {
    target[to] = data[from]!;
    target[to + 1] = data[from + green]!;
    target[to + 2] = data[from + blue]!;
    if (channels === 4) target[to + 3] = data[from + 3]!;
    if (isCmyk) inksToRgb(target, to, data[from + 3]!);
  }
}

/** Pillow's conversion without profiles: each ink removes its share of what black leaves. */
function inksToRgb(target: Uint8Array, at: number, black: number): void {
  const white = 255 - black;
  for (let c = 0; c < 3; c++) {
    // Pillow's division by 255, without dividing.
    const product = target[at + c]! * white + 128;
    target[at + c] = Math.max(0, white - (((product >> 8) + product) >> 8));
  }
}
