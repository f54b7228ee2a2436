import { mapEach } from '../../core/map-each.js';
import type { StepFill } from '../augment/step-options.js';
import { changeContrast, changeSaturation } from '../planar/color-changes.js';
import { rotateQuarters } from '../planar/crops.js';
import { changeSharpness } from '../planar/filters.js';
import { affineGrid, inverseAffineMatrix } from '../planar/grids.js';
import {
  brighten,
  equalizeHistogram,
  invertLevels,
  keepBits,
  solarizeFrom,
  stretchContrast,
} from '../planar/level-tables.js';
import type { PlanarImage } from '../planar/planar-image.js';
import { type GridSampling, sampleGrid } from '../planar/sample-grid.js';

/** Operations that policies choose among, under the names of the papers. */
export type PolicyOperation =
  | 'Identity'
  | 'ShearX'
  | 'ShearY'
  | 'TranslateX'
  | 'TranslateY'
  | 'Rotate'
  | 'Brightness'
  | 'Color'
  | 'Contrast'
  | 'Sharpness'
  | 'Posterize'
  | 'Solarize'
  | 'AutoContrast'
  | 'Equalize'
  | 'Invert';

/** How operations interpolate. */
export interface OperationSampling {
  readonly interpolation: 'nearest' | 'bilinear';
  readonly fill: StepFill | null;
}

/** Applies an operation with a magnitude, as torchvision's policies do. */
export function applyOperation(
  image: PlanarImage,
  operation: PolicyOperation,
  magnitude: number,
  how: OperationSampling,
): PlanarImage {
  switch (operation) {
    case 'Identity':
      return image;
    case 'ShearX':
      return sheared(image, [magnitude, 0], how);
    case 'ShearY':
      return sheared(image, [0, magnitude], how);
    case 'TranslateX':
      return moved(image, [Math.trunc(magnitude), 0], how);
    case 'TranslateY':
      return moved(image, [0, Math.trunc(magnitude)], how);
    case 'Rotate':
      return turned(image, magnitude, how);
    case 'Brightness':
      return brighten(image, 1 + magnitude);
    case 'Color':
      return changeSaturation(image, 1 + magnitude);
    case 'Contrast':
      return changeContrast(image, 1 + magnitude);
    case 'Sharpness':
      return changeSharpness(image, 1 + magnitude);
    case 'Posterize':
      return keepBits(image, Math.trunc(magnitude));
    case 'Solarize':
      return solarizeFrom(image, 255 * magnitude);
    case 'AutoContrast':
      return stretchContrast(image);
    case 'Equalize':
      return equalizeHistogram(image);
    case 'Invert':
      return invertLevels(image);
  }
}

const still = { angle: 0, translate: [0, 0], scale: 1, shear: [0, 0], center: [0, 0] } as const;

/** Shears by slopes, with the top left corner as the fixed point. */
function sheared(image: PlanarImage, slopes: readonly [number, number], how: OperationSampling): PlanarImage {
  const [x, y] = mapEach(slopes, (slope) => Math.atan(slope) * (180 / Math.PI));
  const center = [-0.5 * image.width, -0.5 * image.height] as const;
  return warped(image, { ...still, shear: [x, y], center }, how);
}

function moved(
  image: PlanarImage,
  translate: readonly [number, number],
  how: OperationSampling,
): PlanarImage {
  return warped(image, { ...still, translate }, how);
}

/** Rotates counterclockwise by degrees. */
function turned(image: PlanarImage, degrees: number, how: OperationSampling): PlanarImage {
  const angle = ((degrees % 360) + 360) % 360;
  if (angle === 0) return image;
  if (angle === 180 || (angle % 90 === 0 && image.height === image.width))
    return rotateQuarters(image, angle / 90);
  return warped(image, { ...still, angle: -angle }, how);
}

function warped(
  image: PlanarImage,
  parameters: Parameters<typeof inverseAffineMatrix>[0],
  how: OperationSampling,
): PlanarImage {
  const sampling: GridSampling = { interpolation: how.interpolation, fill: how.fill ?? undefined };
  return sampleGrid(image, affineGrid(inverseAffineMatrix(parameters), image, image), sampling);
}
