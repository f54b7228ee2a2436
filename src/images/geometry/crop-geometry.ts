import type { PlanarSize } from '../planar/planar-image.js';
import { alongAxes, type Matrix } from './matrix.js';
import type { Box, MoveAlongAxes } from './move.js';

/** Moves along the axes, joined: one crop, one resizing, and flips. */
export interface CropGeometry {
  /** The source rectangle. Where it reaches beyond the source, the result has a border. */
  readonly box: Box;
  /** Source pixels that may be read, as whole numbers: a crop before a resize hides the pixels around it. */
  readonly visible: Box;
  /** Size of the result. */
  readonly width: number;
  readonly height: number;
  /** Whether the result is flipped left and right; top and bottom. */
  readonly flip: boolean;
  readonly flipDown: boolean;
}

/** The geometry that leaves an image as it is. */
export function wholeImage({ width, height }: PlanarSize): CropGeometry {
  const box = { x: 0, y: 0, width, height };
  return { box, visible: box, width, height, flip: false, flipDown: false };
}

/** Adds a move along the axes. */
export function withMove(geometry: CropGeometry, move: MoveAlongAxes): CropGeometry {
  if (move.kind === 'size') return { ...geometry, width: move.width, height: move.height };
  if (move.kind === 'cut') return cropped(geometry, move.box);
  return move.axis === 'x'
    ? { ...geometry, flip: !geometry.flip }
    : { ...geometry, flipDown: !geometry.flipDown };
}

/** Crops to a box, given in pixels of the current result. */
function cropped(from: CropGeometry, cut: Box): CropGeometry {
  const scaleX = from.box.width / from.width;
  const scaleY = from.box.height / from.height;
  const left = from.flip ? from.width - cut.x - cut.width : cut.x;
  const top = from.flipDown ? from.height - cut.y - cut.height : cut.y;
  const box = {
    x: from.box.x + left * scaleX,
    y: from.box.y + top * scaleY,
    width: cut.width * scaleX,
    height: cut.height * scaleY,
  };
  const isUnscaled = scaleX === 1 && scaleY === 1;
  const visible = isUnscaled ? shared(box, from.visible) : from.visible;
  return { ...from, box, visible, width: cut.width, height: cut.height };
}

/** The intersection of two boxes. */
function shared(a: Box, b: Box): Box {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const right = Math.min(a.x + a.width, b.x + b.width);
  const bottom = Math.min(a.y + a.height, b.y + b.height);
  return { x, y, width: Math.max(0, right - x), height: Math.max(0, bottom - y) };
}

/** Part of a pixel by which rounding may move an edge. */
const slack = 1e-6;

/** Whether the result shows visible pixels only, without a border. */
export function isWithin({ box, visible }: CropGeometry): boolean {
  return (
    box.x >= visible.x - slack &&
    box.y >= visible.y - slack &&
    box.x + box.width <= visible.x + visible.width + slack &&
    box.y + box.height <= visible.y + visible.height + slack
  );
}

/** The map from the result to the source. */
export function cropMatrix({ box, width, height, flip, flipDown }: CropGeometry): Matrix {
  const axis = (start: number, length: number, n: number, isFlipped: boolean) => ({
    scale: (isFlipped ? -length : length) / n,
    move: isFlipped ? start + length : start,
  });
  return alongAxes(axis(box.x, box.width, width, flip), axis(box.y, box.height, height, flipDown));
}
