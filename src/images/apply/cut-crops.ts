import { ConfigError } from '../../core/errors.js';
import type { CropsStep } from '../augment/crops-step.js';
import { fiveCrops, flipHorizontally, flipVertically } from '../planar/crops.js';
import type { PlanarImage } from '../planar/planar-image.js';

/** Images that a step makes of one. */
export function cropCount({ type }: CropsStep): number {
  return type === 'fiveCrop' ? 5 : 10;
}

/** The corners and the center of an image, and of its mirror image. @throws {@link ConfigError} for an image that is smaller */
export function cutCrops(image: PlanarImage, step: CropsStep): PlanarImage[] {
  const { type } = step;
  const [height, width] = step.size;
  if (height > image.height || width > image.width) {
    const message = `${height} × ${width} does not fit into an image of ${image.height} × ${image.width}; put a resize before it`;
    throw new ConfigError(`augment.${type}`, [{ field: 'size', message }]);
  }
  const crops = fiveCrops(image, { height, width });
  if (step.type === 'fiveCrop') return crops;
  const mirrored = step.verticalFlip ? flipVertically(image) : flipHorizontally(image);
  return [...crops, ...fiveCrops(mirrored, { height, width })];
}
