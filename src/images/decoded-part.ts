import type { CropGeometry } from './geometry/crop-geometry.js';
import type { Box } from './geometry/move.js';

/** At this gap, Pillow's documentation calls the result hard to distinguish from resampling the whole image. */
const leastGap = 3;

/** Largest factor by which a decoder may shrink: resampling must still shrink by three, which hides the difference. */
export function shrinkOf({ box, width, height }: CropGeometry): number {
  return shrinkBelow(Math.min(box.width / width, box.height / height));
}

/** The same for source pixels between neighbors of the result. */
export function shrinkBelow(gap: number): number {
  return [8, 4, 2].find((factor) => gap / leastGap >= factor) ?? 1;
}

/** Pixels that resampling reads: the box, plus half the filter around it. */
export function reach({ box, visible, width, height }: CropGeometry): Box {
  const aroundX = Math.max(1, box.width / width) + 1;
  const aroundY = Math.max(1, box.height / height) + 1;
  const x = Math.max(visible.x, Math.floor(box.x - aroundX));
  const y = Math.max(visible.y, Math.floor(box.y - aroundY));
  const right = Math.min(visible.x + visible.width, Math.ceil(box.x + box.width + aroundX));
  const bottom = Math.min(visible.y + visible.height, Math.ceil(box.y + box.height + aroundY));
  return { x, y, width: right - x, height: bottom - y };
}

/** The geometry in pixels of a decoded part that starts at (x, y) of a shrunk image. */
export function movedTo(
  geometry: CropGeometry,
  shrink: number,
  x: number,
  y: number,
  part: { readonly width: number; readonly height: number },
): CropGeometry {
  const { box, visible } = geometry;
  const left = Math.max(0, Math.floor(visible.x / shrink) - x);
  const top = Math.max(0, Math.floor(visible.y / shrink) - y);
  const right = Math.min(part.width, Math.ceil((visible.x + visible.width) / shrink) - x);
  const bottom = Math.min(part.height, Math.ceil((visible.y + visible.height) / shrink) - y);
  return {
    ...geometry,
    box: {
      x: box.x / shrink - x,
      y: box.y / shrink - y,
      width: box.width / shrink,
      height: box.height / shrink,
    },
    visible: { x: left, y: top, width: right - left, height: bottom - top },
  };
}
