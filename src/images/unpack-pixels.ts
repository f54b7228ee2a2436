import type { ImageWorkspace } from './image-workspace.js';
import type { PackedPixels } from './packed-pixels.js';
import { type RgbxImage, rgbxBytes } from './rgbx-image.js';

/** The fourth byte of a pixel without transparency, in an integer. */
const opaque = 0xff00_0000;

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
    const [inks, fourth] = [isCmyk ? 1 : 0, withAlpha ? opaque : 0];
    const [from, to] = [source.byteOffset, target.byteOffset];
    kernels.functions.rgbxOfPacked(from, width * height, channels, inks, fourth, to);
  } else unpackPlainly(pixels, target, withAlpha);
  return { width, height, data: target };
}

function unpackPlainly(
  { width, height, channels, data, isCmyk }: PackedPixels,
  target: Uint8Array,
  withAlpha: boolean,
): void {
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < 4 * width * height; from += channels, to += 4) {
    target[to] = data[from]!;
    target[to + 1] = data[from + green]!;
    target[to + 2] = data[from + blue]!;
    target[to + 3] = channels === 4 && !isCmyk ? data[from + 3]! : withAlpha ? 255 : 0;
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
