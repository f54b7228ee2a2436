import { gatherPixels } from './gather-pixels.js';
import { blankImage, type PlanarImage, type PlanarSize, planeOf, roundHalfEven } from './planar-image.js';

/** A rectangle of whole pixels. It may lie beyond the image. */
export interface CropArea extends PlanarSize {
  readonly top: number;
  readonly left: number;
}

/** Cuts out a rectangle; pixels beyond the image are black. */
export function cropImage(image: PlanarImage, area: CropArea): PlanarImage {
  return pasteInto(blankImage(image.channels, area), image, area);
}

/** Copies the part of an image that a rectangle shows into an image of the size of the rectangle, which it returns. */
function pasteInto(target: PlanarImage, image: PlanarImage, area: CropArea): PlanarImage {
  const { top, left, height, width } = area;
  const from = Math.max(0, left);
  const to = Math.min(image.width, left + width);
  if (to <= from) return target;
  for (let channel = 0; channel < image.channels; channel++) {
    const source = planeOf(image, channel);
    const plane = planeOf(target, channel);
    for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++)
      plane.set(
        source.subarray(y * image.width + from, y * image.width + to),
        (y - top) * width + from - left,
      );
  }
  return target;
}

/** Cuts out the center; a larger size adds a black border. */
export function cropCenter(image: PlanarImage, { height, width }: PlanarSize): PlanarImage {
  return cropImage(image, {
    top: centered(image.height, height),
    left: centered(image.width, width),
    height,
    width,
  });
}

/** Where a centered crop begins: torchvision adds the smaller half of a border first, and rounds halves of a crop to even. */
function centered(length: number, crop: number): number {
  return crop > length ? -Math.floor((crop - length) / 2) : roundHalfEven((length - crop) / 2);
}

/** The four corners and the center, in torchvision's order: top left, top right, bottom left, bottom right, center. */
export function fiveCrops(image: PlanarImage, size: PlanarSize): PlanarImage[] {
  const [bottom, right] = [image.height - size.height, image.width - size.width];
  const corners = [
    [0, 0],
    [0, right],
    [bottom, 0],
    [bottom, right],
  ] as const;
  return [...corners.map(([top, left]) => cropImage(image, { top, left, ...size })), cropCenter(image, size)];
}

export function flipHorizontally(image: PlanarImage): PlanarImage {
  const { height, width } = image;
  return gatherPixels(image, image, steps(height, 0, width), steps(width, width - 1, -1));
}

export function flipVertically(image: PlanarImage): PlanarImage {
  const { height, width } = image;
  return gatherPixels(image, image, steps(height, (height - 1) * width, -width), steps(width, 0, 1));
}

/** Rotates counterclockwise by quarters of the circle. */
export function rotateQuarters(image: PlanarImage, quarters: number): PlanarImage {
  const { height, width } = image;
  const last = (height - 1) * width;
  const turned = { height: width, width: height };
  if (quarters === 1)
    return gatherPixels(image, turned, steps(width, width - 1, -1), steps(height, 0, width));
  if (quarters === 3) return gatherPixels(image, turned, steps(width, 0, 1), steps(height, last, -width));
  return gatherPixels(image, image, steps(height, last, -width), steps(width, width - 1, -1));
}

/** `first`, `first + step`, …: `n` numbers. */
function steps(n: number, first: number, step: number): Int32Array {
  return Int32Array.from({ length: n }, (_, k) => first + k * step);
}

/** What lies beyond the border: one value for all channels or one for each, or pixels of the image. */
export type Border = { readonly fill: number | readonly number[] } | 'edge' | 'reflect' | 'symmetric';

/** Pixels to add at each side; a negative number removes pixels. */
export interface Padding {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function padImage(
  image: PlanarImage,
  { left, top, right, bottom }: Padding,
  border: Border,
): PlanarImage {
  const { channels } = image;
  const size = { height: image.height + top + bottom, width: image.width + left + right };
  if (typeof border === 'object') {
    const area = { top: -top, left: -left, ...size };
    return pasteInto(filledImage(channels, size, border.fill), image, area);
  }
  const rows = sources(size.height, top, image.height, border).map((y) => y * image.width);
  return gatherPixels(image, size, rows, sources(size.width, left, image.width, border));
}

/** An image of one color. */
export function filledImage(
  channels: number,
  { height, width }: PlanarSize,
  fill: number | readonly number[],
): PlanarImage {
  const filled = blankImage(channels, { height, width });
  for (let channel = 0; channel < channels; channel++) planeOf(filled, channel).fill(fillOf(fill, channel));
  return filled;
}

/** The fill of a channel. */
export function fillOf(fill: number | readonly number[], channel: number): number {
  return typeof fill === 'number' ? fill : fill[fill.length === 1 ? 0 : channel]!;
}

/** The source of each row or column of a padded image. */
function sources(
  length: number,
  before: number,
  source: number,
  border: 'edge' | 'reflect' | 'symmetric',
): Int32Array {
  return Int32Array.from({ length }, (_, k) => {
    const at = k - before;
    if (at >= 0 && at < source) return at;
    if (border === 'edge') return at < 0 ? 0 : source - 1;
    if (border === 'reflect') return at < 0 ? -at : 2 * (source - 1) - at;
    return at < 0 ? -at - 1 : 2 * source - 1 - at;
  });
}

/** Sets a rectangle to a value for each channel, or to values of the shape `[channels, height, width]`. Changes the image. */
export function eraseArea(image: PlanarImage, area: CropArea, values: ArrayLike<number>): void {
  const [bottom, right] = [
    Math.min(image.height, area.top + area.height),
    Math.min(image.width, area.left + area.width),
  ];
  const pixels = area.height * area.width;
  const each = values.length === image.channels * pixels && values.length !== image.channels;
  for (let channel = 0; channel < image.channels; channel++) {
    const plane = planeOf(image, channel);
    for (let y = area.top; y < bottom; y++) {
      for (let x = area.left; x < right; x++) {
        const at = each
          ? channel * pixels + (y - area.top) * area.width + x - area.left
          : Math.min(channel, values.length - 1);
        plane[y * image.width + x] = values[at]!;
      }
    }
  }
}
