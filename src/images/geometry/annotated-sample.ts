import * as v from 'valibot';
import { type ErrorLocation, ShapeError } from '../../core/errors.js';
import { booleanOption, parseOptions } from '../../core/options.js';
import { isTensor, type Tensor } from '../../core/tensor.js';
import { repeatChannel } from '../planar/color-changes.js';
import type { PlanarImage, PlanarSize } from '../planar/planar-image.js';

/** An image and its annotations. All fields but `image` may be absent; other fields stay as they are. */
export interface ImageSample {
  /** The bytes of a file, or a uint8 tensor of the shape `[3, H, W]`, or `[1, H, W]` for gray. */
  readonly image: Uint8Array | Tensor<'uint8'>;
  /**
   * Classes of the pixels, shape `[H, W]`, or one mask for each box, shape `[N, H, W]`, of any dtype. Or the bytes of a PNG file: palette
   * indices or gray levels become a tensor `[H, W]`, uint8, or uint16 for gray of 16 bits.
   */
  readonly mask?: Uint8Array | Tensor;
  /** Left, top, right and bottom in pixels: float32, shape `[N, 4]`. */
  readonly boxes?: Tensor<'float32'>;
  /** Classes of the boxes, or anything else whose first dimension is `N`. */
  readonly labels?: Tensor;
  /** x and y in pixels: float32, shape `[…, 2]`. */
  readonly points?: Tensor<'float32'>;
}

/** How masks and boxes follow an image. */
export interface SampleOptions {
  /** Value of a mask beyond the image; 255 is what many losses ignore. @defaultValue `0` */
  readonly maskFill?: number;
  /** Smallest width and height of a box after clipping, in pixels; smaller boxes are dropped. @defaultValue `1` */
  readonly minBoxSize?: number;
  /** Smallest fraction of its area that a box keeps after clipping; other boxes are dropped. @defaultValue `0` */
  readonly minBoxShare?: number;
  /** Whether boxes are measured in their moved masks, shape `[N, H, W]`: tighter than a rotated box. @defaultValue `false` */
  readonly boxesFromMask?: boolean;
  /** Whether the sample gets the map from its original pixels: `geometry`, float64, shape `[3, 3]`. @defaultValue `false` */
  readonly withGeometry?: boolean;
  /** Path of the image, for messages. @defaultValue its index */
  readonly name?: string;
}

/** A sample whose mask is decoded. */
export type DecodedSample = Omit<ImageSample, 'mask'> & { readonly mask?: Tensor };

/** How {@link DecodedSample} follows its image. */
export type SampleRules = Required<Omit<SampleOptions, 'name'>>;

const number = v.pipe(v.number('must be a number'), v.finite('must be finite'));
const schema = v.strictObject({
  maskFill: v.optional(number, 0),
  minBoxSize: v.optional(v.pipe(number, v.minValue(0, 'must be 0 or more')), 1),
  minBoxShare: v.optional(
    v.pipe(number, v.minValue(0, 'must be 0 or more'), v.maxValue(1, 'must be 1 or less')),
    0,
  ),
  boxesFromMask: v.optional(booleanOption, false),
  withGeometry: v.optional(booleanOption, false),
  name: v.optional(v.string()),
});

/** @throws {@link ConfigError} */
export function sampleOptions(options: SampleOptions): v.InferOutput<typeof schema> {
  return parseOptions('ImagePipeline.apply', schema, options);
}

/** The image of a tensor, in the channels of a pipeline. @throws {@link ShapeError} */
export function imageOfSample(image: Tensor<'uint8'>, channels: 1 | 3 | 4): PlanarImage {
  const [found = 0, height = 0, width = 0] = image.shape;
  const isRepeated = channels === 3 && found === 1;
  if (
    image.dtype !== 'uint8' ||
    image.shape.length !== 3 ||
    !(found === channels || isRepeated) ||
    image.data.length === 0
  ) {
    const shapes = channels === 3 ? '[3, H, W] or [1, H, W]' : `[${channels}, H, W]`;
    wrongField('image', image, `the bytes of a file, or uint8 ${shapes}`);
  }
  const planar = { channels: found, height, width, data: image.data };
  return isRepeated ? repeatChannel(planar, 3) : planar;
}

/**
 * Checks the shapes of a sample.
 *
 * @param name - Path of the image, for messages.
 * @throws {@link ShapeError}
 */
export function checkSample(
  sample: DecodedSample,
  { height, width }: PlanarSize,
  fromMask: boolean,
  name: string,
): void {
  const wrong = (field: string, value: Tensor | undefined, wanted: string) =>
    wrongField(field, value, wanted, { image: name });
  const { mask, boxes, labels, points } = sample;
  const count = boxes?.shape[0];
  if (mask && (!isTensor(mask) || !endsWith(mask, [height, width], [2, 3])))
    wrong('mask', mask, `[${height}, ${width}] or [N, ${height}, ${width}]`);
  if (boxes && (boxes.dtype !== 'float32' || !endsWith(boxes, [4], [2])))
    wrong('boxes', boxes, 'float32 [N, 4]');
  if (points && (points.dtype !== 'float32' || !endsWith(points, [2], [1, 2, 3, 4])))
    wrong('points', points, 'float32 […, 2]');
  if (labels && boxes && isTensor(labels) && labels.shape[0] !== count)
    wrong('labels', labels, `[${count}, …], as there are ${count} boxes`);
  if (mask?.shape.length === 3 && boxes && mask.shape[0] !== count)
    wrong('mask', mask, `[${count}, ${height}, ${width}], as there are ${count} boxes`);
  if (fromMask && mask?.shape.length !== 3) wrong('mask', mask, '[N, H, W], from which boxes are measured');
}

function endsWith({ shape }: Tensor, end: readonly number[], dimensions: readonly number[]): boolean {
  return dimensions.includes(shape.length) && end.every((length, k) => shape.at(k - end.length) === length);
}

function wrongField(
  field: string,
  value: Tensor | undefined,
  wanted: string,
  where: ErrorLocation = {},
): never {
  const found = isTensor(value) ? `${value.dtype} [${value.shape}]` : String(value);
  throw new ShapeError(`The field ${field} is ${found}, not ${wanted}`, {
    where: { field, ...where },
    next: 'Pass tensors in the pixels of the image as it is in its file.',
  });
}
