import type { ImageWorkspace } from '../image-workspace.js';
import { planarOf } from '../planar/convert-pixels.js';
import { matrixGrid } from '../planar/grids.js';
import type { PlanarImage, PlanarSize } from '../planar/planar-image.js';
import { sampleGrid } from '../planar/sample-grid.js';
import { resample } from '../resample.js';
import type { RgbxImage } from '../rgbx-image.js';
import { wholeImage } from './crop-geometry.js';
import type { Geometry } from './join-geometry.js';
import { alongAxes, following, type Matrix, mapped } from './matrix.js';
import type { Box } from './move.js';

/** Source pixels between neighbors of the result, along both axes of the source. */
function skips(matrix: Matrix): readonly [x: number, y: number] {
  return [Math.hypot(matrix[0], matrix[1]), Math.hypot(matrix[3], matrix[4])];
}

/** The smallest gap between neighbors of the result in the source. */
export function leastSkip(matrix: Matrix): number {
  return Math.min(...skips(matrix));
}

/** Pixels of the source that a warp reads: the rectangle around its corners, with room for interpolation and a filter. */
export function partOfWarp({ matrix, height, width }: Geometry, source: PlanarSize): Box {
  // A perspective may reach anywhere.
  if (matrix[6] !== 0 || matrix[7] !== 0) return { x: 0, y: 0, ...source };
  const corners = [
    mapped(matrix, 0, 0),
    mapped(matrix, width, 0),
    mapped(matrix, width, height),
    mapped(matrix, 0, height),
  ];
  const axis = (k: 0 | 1, skip: number, length: number) => {
    const around = 2 + 2 * Math.max(1, skip);
    const places = corners.map((corner) => corner[k]);
    // A result beyond the source still needs a pixel to be made from.
    const start = Math.min(length - 1, Math.max(0, Math.floor(Math.min(...places) - around)));
    const end = Math.max(start + 1, Math.min(length, Math.ceil(Math.max(...places) + around)));
    return { start, length: end - start };
  };
  const [skipX, skipY] = skips(matrix);
  const x = axis(0, skipX, source.width);
  const y = axis(1, skipY, source.height);
  return { x: x.start, y: y.start, width: x.length, height: y.length };
}

/** The map to pixels of a decoded part, which starts at (x, y) of an image that decoding shrinks by `shrink`. */
export function matrixInPart(
  matrix: Matrix,
  { x, y, shrink }: { x: number; y: number; shrink: number },
): Matrix {
  return following(matrix, alongAxes({ scale: 1 / shrink, move: -x }, { scale: 1 / shrink, move: -y }));
}

/**
 * The size to which a source shrinks before it is sampled, and the map to its pixels then; `undefined` if neighbors in the result are
 * not further apart than a pixel.
 */
export function sizeWithoutSkips(
  { height, width }: PlanarSize,
  matrix: Matrix,
): { readonly size: PlanarSize; readonly matrix: Matrix } | undefined {
  const [skipX, skipY] = skips(matrix);
  const size = {
    width: Math.max(1, Math.ceil(width / Math.max(1, skipX))),
    height: Math.max(1, Math.ceil(height / Math.max(1, skipY))),
  };
  if (size.width === width && size.height === height) return undefined;
  const toSmaller = alongAxes(
    { scale: size.width / width, move: 0 },
    { scale: size.height / height, move: 0 },
  );
  return { size, matrix: following(matrix, toSmaller) };
}

/** Samples an image through a map. */
export function sampleMapped(image: PlanarImage, matrix: Matrix, geometry: Geometry): PlanarImage {
  const grid = matrixGrid(matrix, image, geometry);
  return sampleGrid(image, grid, { interpolation: 'bilinear', fill: geometry.fill });
}

/** As `warpImage` does with a map that is not a crop, but shrinks the source as quickly as a crop. */
export function warpPart(image: RgbxImage, geometry: Geometry, workspace: ImageWorkspace): PlanarImage {
  const smaller = sizeWithoutSkips(image, geometry.matrix);
  if (!smaller) return sampleMapped(planarOf(image), geometry.matrix, geometry);
  const shrunk = resample(image, { ...wholeImage(image), ...smaller.size }, workspace);
  return sampleMapped(planarOf(shrunk), smaller.matrix, geometry);
}
