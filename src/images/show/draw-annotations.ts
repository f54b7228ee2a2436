import { mapEach } from '../../core/map-each.js';
import type { ShownPicture } from './shown-picture.js';

type Color = readonly [red: number, green: number, blue: number];

/** What many losses ignore. */
const ignored = 255;

/** A color for each class or box, which neighbors do not share: hues in steps of the golden angle. */
function colorOf(number: number): Color {
  const hue = (number * 137.508) % 360;
  const channel = (shift: number): number => {
    const place = (shift + hue / 60) % 6;
    return Math.round(255 * Math.min(1, Math.max(0, Math.abs(place - 3) - 1)));
  };
  return [channel(0), channel(4), channel(2)];
}

/**
 * Colors the pixels of each class of a mask. Class 0 stays as it is; 255, which losses ignore, becomes gray.
 *
 * @param mask - Shape `[H, W]`, in pixels of the original.
 * @param first - Added to each class to choose its color.
 */
export function drawMask(
  { width, height, rgb, step }: ShownPicture,
  mask: ArrayLike<number | bigint>,
  maskWidth: number,
  first = 0,
): void {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const kind = Number(mask[y * step * maskWidth + x * step]);
      if (kind === 0 || Number.isNaN(kind)) continue;
      const color = kind === ignored ? ([128, 128, 128] as const) : colorOf(kind + first);
      const at = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) rgb[at + c] = (rgb[at + c]! + color[c]!) / 2;
    }
}

/** Draws the outline of each box. @param boxes - Left, top, right and bottom in pixels of the original, four a box. */
export function drawBoxes(picture: ShownPicture, boxes: ArrayLike<number>): void {
  const { width, height, rgb, step } = picture;
  for (let k = 0; 4 * k + 3 < boxes.length; k++) {
    const [left, top, right, bottom] = mapEach([0, 1, 2, 3], (side) => boxes[4 * k + side]! / step);
    // What pads a batch has no size.
    if (!(right > left && bottom > top)) continue;
    const inside = (value: number, length: number) => Math.min(length - 1, Math.max(0, Math.floor(value)));
    const [x0, x1] = [inside(left, width), inside(right - 1e-6, width)];
    const [y0, y1] = [inside(top, height), inside(bottom - 1e-6, height)];
    const color = colorOf(k + 1);
    const put = (x: number, y: number) => rgb.set(color, 3 * (y * width + x));
    for (let x = x0; x <= x1; x++) for (const y of [y0, y1]) put(x, y);
    for (let y = y0; y <= y1; y++) for (const x of [x0, x1]) put(x, y);
  }
}
