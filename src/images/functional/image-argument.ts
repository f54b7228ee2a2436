import { ConfigError } from '../../core/errors.js';
import { isTensor, type Tensor } from '../../core/tensor.js';
import type { PlanarImage } from '../planar/planar-image.js';

/** An image: uint8, shape `[C, H, W]`, channel by channel. */
export type ImageTensor = Tensor<'uint8'>;

/** Channel counts that color operations take: gray or RGB. */
export const colors = [1, 3] as const;

/**
 * Checks an image that a user passes.
 *
 * @param channels - Channel counts that the operation takes. @defaultValue any
 * @throws {@link ConfigError}
 */
export function imageArgument(
  operation: string,
  image: ImageTensor,
  channels?: readonly number[],
): PlanarImage {
  const refuse = (message: string): never => {
    throw new ConfigError(`functional.${operation}`, [{ field: 'image', message }]);
  };
  if (!isTensor(image)) return refuse('must be a tensor of the shape [C, H, W]');
  if (image.dtype !== 'uint8') return refuse(`must be uint8, not ${image.dtype}`);
  const [count = 0, height = 0, width = 0] = image.shape;
  if (image.shape.length !== 3 || image.data.length === 0)
    return refuse(`must have the shape [C, H, W] and at least one pixel, not [${image.shape.join(', ')}]`);
  if (channels && !channels.includes(count))
    return refuse(`must have ${channels.join(' or ')} channels, not ${count}`);
  return { channels: count, height, width, data: image.data };
}

/** The tensor of an image. */
export function imageTensor({ channels, height, width, data }: PlanarImage): ImageTensor {
  return { dtype: 'uint8', shape: [channels, height, width], data };
}
