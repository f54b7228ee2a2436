import { blankImage, type PlanarImage, type PlanarSize, planeOf, roundHalfEven } from './planar-image.js';

/** A rectangle of whole pixels. It may lie beyond the image. */
export interface CropArea extends PlanarSize {
  readonly top: number;
  readonly left: number;
}

/** Cuts out a rectangle; pixels beyond the image are black. */
export function cropImage(image: PlanarImage, { top, left, height, width }: CropArea): PlanarImage {
  const cut = blankImage(image.channels, { height, width });
  const from = Math.max(0, left);
  const to = Math.min(image.width, left + width);
  if (to <= from) return cut;
  for (let channel = 0; channel < image.channels; channel++) {
    const source = planeOf(image, channel);
    const target = planeOf(cut, channel);
    for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++)
      target.set(
        source.subarray(y * image.width + from, y * image.width + to),
        (y - top) * width + from - left,
      );
  }
  return cut;
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
  return rearranged(image, { height, width }, (y, x) => y * width + width - 1 - x);
}

export function flipVertically(image: PlanarImage): PlanarImage {
  const { height, width } = image;
  return rearranged(image, { height, width }, (y, x) => (height - 1 - y) * width + x);
}

/** Rotates counterclockwise by quarters of the circle. */
export function rotateQuarters(image: PlanarImage, quarters: 1 | 2 | 3): PlanarImage {
  const { height, width } = image;
  const turned = { height: width, width: height };
  if (quarters === 1) return rearranged(image, turned, (y, x) => x * width + width - 1 - y);
  if (quarters === 3) return rearranged(image, turned, (y, x) => (height - 1 - x) * width + y);
  return rearranged(image, { height, width }, (y, x) => (height - 1 - y) * width + width - 1 - x);
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
  const { channels, height, width } = image;
  const padded = blankImage(channels, { height: height + top + bottom, width: width + left + right });
  const rows = sources(padded.height, top, height, border);
  const columns = sources(padded.width, left, width, border);
  for (let channel = 0; channel < channels; channel++) {
    const from = planeOf(image, channel);
    const to = planeOf(padded, channel);
    const outside = typeof border === 'object' ? fillOf(border.fill, channel) : 0;
    let i = 0;
    for (const y of rows) for (const x of columns) to[i++] = x < 0 || y < 0 ? outside : from[y * width + x]!;
  }
  return padded;
}

/** The fill of a channel. */
export function fillOf(fill: number | readonly number[], channel: number): number {
  return typeof fill === 'number' ? fill : fill[fill.length === 1 ? 0 : channel]!;
}

/** The source of each row or column of a padded image; -1: none. */
function sources(length: number, before: number, source: number, border: Border): Int32Array {
  return Int32Array.from({ length }, (_, k) => {
    const at = k - before;
    if (at >= 0 && at < source) return at;
    if (border === 'edge') return at < 0 ? 0 : source - 1;
    if (border === 'reflect') return at < 0 ? -at : 2 * (source - 1) - at;
    if (border === 'symmetric') return at < 0 ? -at - 1 : 2 * source - 1 - at;
    return -1;
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

function rearranged(
  image: PlanarImage,
  size: PlanarSize,
  from: (y: number, x: number) => number,
): PlanarImage {
  const moved = blankImage(image.channels, size);
  for (let channel = 0; channel < image.channels; channel++) {
    const source = planeOf(image, channel);
    const target = planeOf(moved, channel);
    let i = 0;
    for (let y = 0; y < size.height; y++)
      for (let x = 0; x < size.width; x++) target[i++] = source[from(y, x)]!;
  }
  return moved;
}
