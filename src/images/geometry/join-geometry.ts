import type { SampleRandom } from '../../core/dataset.js';
import type { StepFill } from '../augment/step-options.js';
import type { ResizeFilter } from '../planar/axis-weights.js';
import type { PlanarSize } from '../planar/planar-image.js';
import { type CropGeometry, cropMatrix, wholeImage, withMove } from './crop-geometry.js';
import { drawMoves, type GeometryStep } from './draw-moves.js';
import { following, type Matrix } from './matrix.js';
import type { Move } from './move.js';

/** Steps that follow each other and move pixels, joined into one. */
export interface Geometry extends PlanarSize {
  /** The map from the result to the source. */
  readonly matrix: Matrix;
  /** The same as a crop, a resizing and flips, if that is all there is. */
  readonly crop: CropGeometry | undefined;
  /** The color beyond the source. */
  readonly fill: StepFill;
  readonly filter: ResizeFilter;
}

/** Joins steps into one geometry, with the sample's random numbers. */
export function joinGeometry(
  steps: readonly GeometryStep[],
  source: PlanarSize,
  rng: SampleRandom,
): Geometry {
  let crop: CropGeometry | undefined = wholeImage(source);
  let size: PlanarSize = { height: source.height, width: source.width };
  let matrix = cropMatrix(crop);
  let fill: StepFill = 0;
  let filter: ResizeFilter = 'bilinear';
  for (const step of steps) {
    if ('fill' in step) fill = step.fill;
    if ('interpolation' in step) filter = step.interpolation;
    for (const move of drawMoves(step, size, rng)) {
      if (crop && move.kind !== 'warp') {
        crop = withMove(crop, move);
        matrix = cropMatrix(crop);
      } else {
        crop = undefined;
        matrix = following(
          move.kind === 'warp' ? move.matrix : cropMatrix(withMove(wholeImage(size), move)),
          matrix,
        );
      }
      size = sizeAfter(move, size);
    }
  }
  return { ...size, matrix, crop, fill, filter };
}

function sizeAfter(move: Move, size: PlanarSize): PlanarSize {
  if (move.kind === 'flip') return size;
  const { height, width } = move.kind === 'cut' ? move.box : move;
  return { height, width };
}
