import * as v from 'valibot';
import { mapEach } from '../../core/map-each.js';
import { parseOptions } from '../../core/options.js';
import { isTensor, type Tensor, zeroTensor } from '../../core/tensor.js';
import { blur, changeSharpness } from '../planar/filters.js';
import { colors, type ImageTensor, imageArgument, imageTensor } from './image-argument.js';
import { count, finite, notNegative, pairOf, positive, refuse } from './parameters.js';

const sharpness = v.strictObject({ sharpnessFactor: notNegative });

/** Blends with a blurred image: 0 is blurred, 1 the image, 2 sharper. 1 or 3 channels. @throws {@link ConfigError} */
export function adjustSharpness(
  image: ImageTensor,
  options: { readonly sharpnessFactor: number },
): ImageTensor {
  const { sharpnessFactor } = parseOptions('functional.adjustSharpness', sharpness, options);
  return imageTensor(changeSharpness(imageArgument('adjustSharpness', image, colors), sharpnessFactor));
}

export interface GaussianBlurOptions {
  /** Width of the kernel in pixels, odd: one number, or `[x, y]`. */
  readonly kernelSize: number | readonly number[];
  /** Standard deviation in pixels: one number, or `[x, y]`. @defaultValue `0.15 * kernelSize + 0.35` */
  readonly sigma?: number | readonly number[] | null;
}

const odd = v.pipe(
  count,
  v.check((size) => size % 2 === 1, 'must be odd'),
);
const oneOrTwo = <S extends v.GenericSchema<number>>(number: S) =>
  v.union(
    [number, v.pipe(v.array(number), v.minLength(1), v.maxLength(2))],
    (issue) =>
      issue.issues?.find(({ kind }) => kind === 'validation')?.message ?? 'must be a number or [x, y]',
  );
const blurSchema = v.strictObject({
  kernelSize: oneOrTwo(odd),
  sigma: v.optional(v.nullable(oneOrTwo(positive))),
});

/**
 * Blurs with a Gaussian; pixels beyond the border mirror those within.
 *
 * @throws {@link ConfigError} if half the kernel does not fit into the image.
 * @remarks O(pixels × (x + y)) for a kernel of x × y.
 */
export function gaussianBlur(image: ImageTensor, options: GaussianBlurOptions): ImageTensor {
  const { kernelSize, sigma } = parseOptions('functional.gaussianBlur', blurSchema, options);
  const planar = imageArgument('gaussianBlur', image);
  const size = pairOf(kernelSize);
  if (size[0] >> 1 >= planar.width || size[1] >> 1 >= planar.height) {
    const fits = `half of it must be smaller than the image of ${planar.width} × ${planar.height}`;
    refuse('gaussianBlur', 'kernelSize', `${size[0]} × ${size[1]} is too large: ${fits}`);
  }
  const deviations = sigma === null || sigma === undefined ? mapEach(size, usualSigma) : pairOf(sigma);
  return imageTensor(blur(planar, { kernelSize: size, sigma: deviations }));
}

/** torchvision's default standard deviation for a kernel. */
function usualSigma(kernelSize: number): number {
  return kernelSize * 0.15 + 0.35;
}

/**
 * `(value - mean) / std`, channel by channel. A uint8 image is first brought to a scale from 0 to 1, as torchvision's
 * `to_dtype(float32, scale=True)` does; torchvision refuses it here.
 *
 * @param image - uint8 or float32, shape `[C, H, W]`.
 * @throws {@link ConfigError}
 */
export function normalize(
  image: Tensor<'uint8'> | Tensor<'float32'>,
  options: { readonly mean: number | readonly number[]; readonly std: number | readonly number[] },
): Tensor<'float32'> {
  const perChannel = v.union([finite, v.array(finite)], 'must be a number, or one for each channel');
  const schema = v.strictObject({ mean: perChannel, std: perChannel });
  const { mean, std } = parseOptions('functional.normalize', schema, options);
  if (!isTensor(image) || image.shape.length !== 3 || !['uint8', 'float32'].includes(image.dtype))
    refuse('normalize', 'image', 'must be a uint8 or float32 tensor of the shape [C, H, W]');
  const [channels = 0, height = 0, width = 0] = image.shape;
  const means = ofChannels('mean', mean, channels);
  const deviations = ofChannels('std', std, channels);
  if (deviations.includes(0)) refuse('normalize', 'std', 'must not be 0');
  const unit = image.dtype === 'uint8' ? Math.fround(1 / 255) : 1;
  const result = zeroTensor('float32', image.shape);
  const pixels = height * width;
  for (let i = 0; i < image.data.length; i++) {
    const channel = Math.floor(i / pixels);
    result.data[i] = Math.fround(Math.fround(image.data[i]! * unit) - means[channel]!) / deviations[channel]!;
  }
  return result;
}

function ofChannels(field: string, value: number | readonly number[], channels: number): readonly number[] {
  const list = typeof value === 'number' ? [value] : value;
  if (list.length !== 1 && list.length !== channels)
    refuse('normalize', field, `has ${list.length} numbers, and the image ${channels} channels`);
  return Array.from({ length: channels }, (_, channel) =>
    Math.fround(list[list.length === 1 ? 0 : channel]!),
  );
}
