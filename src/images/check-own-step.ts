import type { SampleContext } from '../core/dataset.js';
import { ShapeError } from '../core/errors.js';
import type { FloatFunction } from './augment/after-normalize.js';
import { imageTensor } from './functional/image-argument.js';
import type { PixelFunction } from './image-transform.js';
import type { PlanarImage } from './planar/planar-image.js';

/** Runs step `k` of the user on levels. @throws {@link ShapeError} if it returns another dtype or number of channels */
export function checkedLevels(
  change: PixelFunction,
  image: PlanarImage,
  context: SampleContext,
  k: number,
): PlanarImage {
  const { dtype, shape, data } = change(imageTensor(image), context);
  const [channels = 0, height = 0, width = 0] = shape;
  if (dtype !== 'uint8' || shape.length !== 3 || channels !== image.channels || data.length === 0) {
    throw new ShapeError(`A step returned ${dtype} [${shape}], not uint8 [${image.channels}, H, W]`, {
      where: { step: k },
      next: 'Return a uint8 tensor with as many channels, before normalize.',
    });
  }
  return { channels, height, width, data };
}

/** Runs a step of the user on normalized values. @throws {@link ShapeError} if it returns another dtype or shape */
export function checkedFloats(
  change: FloatFunction,
  image: { readonly data: Float32Array; readonly shape: readonly number[] },
  context: SampleContext,
  k: number,
): Float32Array {
  const { dtype, shape, data } = change({ dtype: 'float32', ...image }, context);
  if (dtype === 'float32' && String(shape) === String(image.shape)) return data;
  throw new ShapeError(`A step returned ${dtype} [${shape}], not float32 [${image.shape}]`, {
    where: { stepAfterNormalize: k },
    next: 'Return a float32 tensor of the shape that the step was given.',
  });
}
