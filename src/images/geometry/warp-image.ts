import { antialiasedWeights, type FilterWeights } from '../planar/axis-weights.js';
import { cropImage, filledImage, flipHorizontally, flipVertically } from '../planar/crops.js';
import type { PlanarImage } from '../planar/planar-image.js';
import { resizeColumns, resizeImage, resizeRows } from '../planar/resize-image.js';
import { type CropGeometry, isWithin } from './crop-geometry.js';
import type { Geometry } from './join-geometry.js';
import { alongAxes, following, type Matrix } from './matrix.js';
import { sampleMapped, sizeWithoutSkips } from './warp-part.js';

/**
 * Moves the pixels of an image in one resampling. Crops of whole pixels are copied; a resized image has Pillow's pixels; all else is
 * bilinear, of an image that is first made smaller if the result would skip pixels.
 */
export function warpImage(image: PlanarImage, geometry: Geometry): PlanarImage {
  const { crop } = geometry;
  // A random crop may lie in the border entirely.
  if (crop && (crop.visible.width === 0 || crop.visible.height === 0))
    return filledImage(image.channels, geometry, geometry.fill);
  if (crop && isCopy(crop)) return flipped(cutOut(image, geometry, crop), crop);
  if (crop && isWithin(crop)) return flipped(resized(image, geometry, crop), crop);
  const seen = crop ? visiblePart(image, geometry.matrix, crop) : { source: image, matrix: geometry.matrix };
  const { source, matrix } = withoutSkips(seen.source, seen.matrix);
  return sampleMapped(source, matrix, geometry);
}

function isCopy({ box, width, height }: CropGeometry): boolean {
  return box.width === width && box.height === height && Number.isInteger(box.x) && Number.isInteger(box.y);
}

function cutOut(image: PlanarImage, { fill }: Geometry, { box, visible }: CropGeometry): PlanarImage {
  const area = { top: box.y, left: box.x, height: box.height, width: box.width };
  const isWhole =
    visible.x <= box.x && visible.y <= box.y && visible.width >= box.width && visible.height >= box.height;
  if (isWhole) return cropImage(image, area);
  const target = filledImage(image.channels, area, fill);
  const part = cropImage(image, {
    top: visible.y,
    left: visible.x,
    height: visible.height,
    width: visible.width,
  });
  const pixels = area.height * area.width;
  for (let channel = 0; channel < image.channels; channel++) {
    for (let y = 0; y < part.height; y++) {
      const from = (channel * part.height + y) * part.width;
      const to = channel * pixels + (visible.y - box.y + y) * area.width + visible.x - box.x;
      target.data.set(part.data.subarray(from, from + part.width), to);
    }
  }
  return target;
}

function resized(image: PlanarImage, { filter }: Geometry, crop: CropGeometry): PlanarImage {
  const { box, visible, width, height } = crop;
  const whole = visible.width === image.width && visible.height === image.height;
  const part = whole
    ? image
    : cropImage(image, { top: visible.y, left: visible.x, height: visible.height, width: visible.width });
  const weights = (start: number, length: number, pixels: number, n: number): FilterWeights =>
    antialiasedWeights(filter, { start, length }, pixels, n, 'pillow');
  const columns = weights(box.x - visible.x, box.width, visible.width, width);
  const rows = weights(box.y - visible.y, box.height, visible.height, height);
  return resizeColumns(resizeRows(part, width, columns), height, rows);
}

function flipped(image: PlanarImage, { flip, flipDown }: CropGeometry): PlanarImage {
  const sideways = flip ? flipHorizontally(image) : image;
  return flipDown ? flipVertically(sideways) : sideways;
}

/** The part of the source that crops leave, and the map to its pixels. */
function visiblePart(
  image: PlanarImage,
  matrix: Matrix,
  { visible }: CropGeometry,
): { source: PlanarImage; matrix: Matrix } {
  const { x, y, width, height } = visible;
  const toPart = alongAxes({ scale: 1, move: -x }, { scale: 1, move: -y });
  return {
    source: cropImage(image, { top: y, left: x, height, width }),
    matrix: following(matrix, toPart),
  };
}

/** Makes the source smaller if neighbors in the result are further apart in it than a pixel. */
function withoutSkips(image: PlanarImage, matrix: Matrix): { source: PlanarImage; matrix: Matrix } {
  const smaller = sizeWithoutSkips(image, matrix);
  if (!smaller) return { source: image, matrix };
  const { size } = smaller;
  return {
    source: resizeImage(image, size, { interpolation: 'bilinear', antialias: true }),
    matrix: smaller.matrix,
  };
}
