import * as v from 'valibot';
import { booleanOption, integerFrom, parseOptions } from '../../core/options.js';
import { isTensor, type Tensor } from '../../core/tensor.js';
import {
  cropCenter,
  cropImage,
  eraseArea,
  fiveCrops,
  flipHorizontally,
  flipVertically,
  padImage,
} from '../planar/crops.js';
import { copyImage, type PlanarImage } from '../planar/planar-image.js';
import { type ImageTensor, imageArgument, imageTensor } from './image-argument.js';
import {
  bothSides,
  checkFill,
  count,
  type Fill,
  fillOption,
  finite,
  refuse,
  type Size,
  sizeOption,
  whole,
} from './parameters.js';

/** Mirrors left and right. @throws {@link ConfigError} */
export function horizontalFlip(image: ImageTensor): ImageTensor {
  return imageTensor(flipHorizontally(imageArgument('horizontalFlip', image)));
}

/** Mirrors top and bottom. @throws {@link ConfigError} */
export function verticalFlip(image: ImageTensor): ImageTensor {
  return imageTensor(flipVertically(imageArgument('verticalFlip', image)));
}

/** Another name of {@link horizontalFlip}, as in torchvision. */
export const hflip = horizontalFlip;

/** Another name of {@link verticalFlip}, as in torchvision. */
export const vflip = verticalFlip;

/** A rectangle in pixels. It may lie beyond the image. */
export interface CropOptions {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

const cropSchema = v.strictObject({ top: whole, left: whole, height: count, width: count });

/** Cuts out a rectangle; pixels beyond the image are black. @throws {@link ConfigError} */
export function crop(image: ImageTensor, options: CropOptions): ImageTensor {
  const area = parseOptions('functional.crop', cropSchema, options);
  return imageTensor(cropImage(imageArgument('crop', image), area));
}

/** Cuts out the center; a size larger than the image adds a black border. @throws {@link ConfigError} */
export function centerCrop(image: ImageTensor, options: { readonly outputSize: Size }): ImageTensor {
  const { outputSize } = parseOptions(
    'functional.centerCrop',
    v.strictObject({ outputSize: sizeOption }),
    options,
  );
  return imageTensor(cropCenter(imageArgument('centerCrop', image), bothSides(outputSize)));
}

/**
 * The four corners and the center: top left, top right, bottom left, bottom right, center.
 *
 * @throws {@link ConfigError} if the size is larger than the image.
 */
export function fiveCrop(image: ImageTensor, options: { readonly size: Size }): ImageTensor[] {
  const { size } = parseOptions('functional.fiveCrop', v.strictObject({ size: sizeOption }), options);
  return cropsOf('fiveCrop', imageArgument('fiveCrop', image), size).map(imageTensor);
}

/**
 * The crops of {@link fiveCrop}, and those of the mirrored image.
 *
 * @param options - `verticalFlip`: whether the image is mirrored top and bottom instead. @defaultValue `false`
 * @throws {@link ConfigError} if the size is larger than the image.
 */
export function tenCrop(
  image: ImageTensor,
  options: { readonly size: Size; readonly verticalFlip?: boolean },
): ImageTensor[] {
  const schema = v.strictObject({ size: sizeOption, verticalFlip: v.optional(booleanOption, false) });
  const parsed = parseOptions('functional.tenCrop', schema, options);
  const planar = imageArgument('tenCrop', image);
  const mirrored = parsed.verticalFlip ? flipVertically(planar) : flipHorizontally(planar);
  return [planar, mirrored].flatMap((side) => cropsOf('tenCrop', side, parsed.size)).map(imageTensor);
}

function cropsOf(operation: string, image: PlanarImage, size: Size): PlanarImage[] {
  const { height, width } = bothSides(size);
  if (height > image.height || width > image.width)
    refuse(
      operation,
      'size',
      `${height} × ${width} is larger than the image of ${image.height} × ${image.width}`,
    );
  return fiveCrops(image, { height, width });
}

export interface PadOptions {
  /** Pixels for all sides, `[left and right, top and bottom]`, or `[left, top, right, bottom]`. Negative numbers crop. */
  readonly padding: number | readonly number[];
  /** The value of a constant border, or one for each channel. @defaultValue `0` */
  readonly fill?: Fill;
  /**
   * How the border is filled: with `fill`, the nearest edge pixel, or the image mirrored at its last pixel (`'reflect'`) or at its edge
   * (`'symmetric'`). @defaultValue `'constant'`
   */
  readonly paddingMode?: 'constant' | 'edge' | 'reflect' | 'symmetric';
}

const padSchema = v.strictObject({
  padding: v.union([whole, v.array(whole)], 'must be a whole number, or 1, 2 or 4 of them'),
  fill: fillOption,
  paddingMode: v.optional(
    v.picklist(
      ['constant', 'edge', 'reflect', 'symmetric'],
      "must be 'constant', 'edge', 'reflect' or 'symmetric'",
    ),
    'constant',
  ),
});

/** Adds a border. @throws {@link ConfigError} if the image is too small to be mirrored so far. */
export function pad(image: ImageTensor, options: PadOptions): ImageTensor {
  const { padding, fill, paddingMode } = parseOptions('functional.pad', padSchema, options);
  const planar = imageArgument('pad', image);
  const sides = sidesOf(padding);
  checkSides(planar, sides, paddingMode);
  const border = checkFill('pad', fill, planar.channels) ?? 0;
  if (paddingMode === 'constant') return imageTensor(padImage(planar, sides, { fill: border }));
  if (typeof border !== 'number' && border.length > 1)
    refuse('pad', 'fill', `must be one number with paddingMode '${paddingMode}'`);
  return imageTensor(padImage(planar, sides, paddingMode));
}

interface Sides {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function sidesOf(padding: number | readonly number[]): Sides {
  const list = typeof padding === 'number' ? [padding] : padding;
  if (![1, 2, 4].includes(list.length))
    refuse('pad', 'padding', `must have 1, 2 or 4 numbers, not ${list.length}`);
  const [left = 0, top = left, right = left, bottom = top] = list;
  return { left, top, right, bottom };
}

function checkSides({ height, width }: PlanarImage, { left, top, right, bottom }: Sides, mode: string): void {
  if (height + top + bottom < 1 || width + left + right < 1) refuse('pad', 'padding', 'leaves no pixel');
  const most = mode === 'reflect' ? -1 : mode === 'symmetric' ? 0 : Number.POSITIVE_INFINITY;
  if (Math.max(left, right) > width + most || Math.max(top, bottom) > height + most)
    refuse('pad', 'padding', `mirrors more pixels than the image of ${height} × ${width} has`);
}

export interface EraseOptions {
  /** Top. */
  readonly i: number;
  /** Left. */
  readonly j: number;
  /** Height. */
  readonly h: number;
  /** Width. */
  readonly w: number;
  /** One value, one for each channel, or a tensor of the shape `[C, h, w]` or `[C, 1, 1]`. */
  readonly v: number | readonly number[] | Tensor<'uint8'>;
}

const eraseSchema = v.strictObject({
  i: integerFrom(0),
  j: integerFrom(0),
  h: count,
  w: count,
  v: v.union(
    [
      finite,
      v.array(finite),
      v.custom<Tensor<'uint8'>>((value) => isTensor(value) && value.dtype === 'uint8'),
    ],
    'must be a number, a list of numbers or a uint8 tensor',
  ),
});

/** Sets a rectangle to a value. @throws {@link ConfigError} */
export function erase(image: ImageTensor, options: EraseOptions): ImageTensor {
  const { i, j, h, w, v: value } = parseOptions('functional.erase', eraseSchema, options);
  const erased = copyImage(imageArgument('erase', image));
  const values = typeof value === 'number' ? [value] : isTensor(value) ? value.data : value;
  const { channels } = erased;
  if (![1, channels, channels * h * w].includes(values.length))
    refuse('erase', 'v', `has ${values.length} values, not 1, ${channels} or ${channels * h * w}`);
  eraseArea(erased, { top: i, left: j, height: h, width: w }, values);
  return imageTensor(erased);
}
