import * as v from 'valibot';
import type { SampleContext } from '../core/dataset.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Tensor } from '../core/tensor.js';
import type { OwnFloatStep } from './augment/after-normalize.js';
import type { CropsStep } from './augment/crops-step.js';
import type { ErasingStep } from './augment/erasing-step.js';
import type { MovingStep } from './augment/geometry-steps.js';
import type { ColorStep } from './augment/pixel-steps.js';
import type { PolicyStep } from './augment/policy-steps.js';
import type { ResizeFilter } from './planar/axis-weights.js';

/** Height and width in pixels; a single number is both. */
export type ImageSize = number | readonly [height: number, width: number];

/**
 * A step of an {@link ImagePipeline}: plain data, so that it moves into workers. Steps that move pixels and follow each other are
 * joined into one resampling. A function is a step of your own: it takes and returns a uint8 tensor of the shape `[C, H, W]`, with three
 * channels unless the options say otherwise. Behind `normalize`, `augment.afterNormalize` makes a step of a function.
 */
export type ImageTransform =
  | { readonly type: 'resize'; readonly size: ImageSize; readonly interpolation?: ResizeFilter }
  | { readonly type: 'centerCrop'; readonly size: readonly [height: number, width: number] }
  | {
      readonly type: 'randomResizedCrop';
      readonly size: readonly [height: number, width: number];
      readonly scale: readonly [low: number, high: number];
      readonly ratio: readonly [low: number, high: number];
      readonly interpolation?: ResizeFilter;
    }
  | { readonly type: 'randomHorizontalFlip'; readonly probability: number }
  | MovingStep
  | ({ readonly type: 'colorJitter' } & Required<ColorJitterOptions>)
  | ColorStep
  | PolicyStep
  | PixelFunction
  | ({ readonly type: 'normalize' } & NormalizeOptions)
  | ErasingStep
  | OwnFloatStep
  | CropsStep;

/** A step of the user: shape `[C, H, W]`. Synchronous, so that it runs between the others. */
export type PixelFunction = (image: Tensor<'uint8'>, context: SampleContext) => Tensor<'uint8'>;

/** Steps that are plain data. */
export type NamedStep = Exclude<ImageTransform, PixelFunction>;

/** The steps of one kind. */
export type StepOf<K extends NamedStep['type']> = Extract<NamedStep, { readonly type: K }>;

const pixels = integerFrom(1);
const sizeSchema = v.union(
  [pixels, v.tuple([pixels, pixels])],
  'must be a number of pixels or [height, width]',
);
const share = (low: number, high: number) =>
  v.pipe(
    v.number('must be a number'),
    v.minValue(low, `must be ${low} or more`),
    v.maxValue(high, `must be ${high} or less`),
  );
const rangeOf = (low: number, high: number) =>
  v.pipe(
    v.tuple([share(low, high), share(low, high)], 'must be [low, high]'),
    v.check(([from, to]) => from <= to, 'must be [low, high] with low first'),
  );
const number = v.number('must be a number');
const perChannel = v.union(
  [
    v.strictTuple([number]),
    v.strictTuple([number, number, number]),
    v.strictTuple([number, number, number, number]),
  ],
  'must have a number for red, green and blue, or for each of 1 or 4 channels',
);

/** Interpolation of a resize. @defaultValue `'bilinear'` */
interface ResizingOptions {
  readonly interpolation?: ResizeFilter;
}

const interpolation = v.optional(
  v.picklist(['bilinear', 'bicubic'], "must be 'bilinear' or 'bicubic'"),
  'bilinear',
);

/** The default is left out, so that fingerprints stay what they were. */
function filterOf(filter: ResizeFilter): ResizingOptions {
  return filter === 'bilinear' ? {} : { interpolation: filter };
}

/**
 * Resizes with antialiasing, as Pillow's `BILINEAR` or `BICUBIC`. A single number is the length of the shorter side, as in
 * torchvision's `Resize`.
 */
export function resize(size: ImageSize, options: ResizingOptions = {}): StepOf<'resize'> {
  const schema = v.strictObject({ size: sizeSchema, interpolation });
  const parsed = parseOptions('resize', schema, { ...options, size });
  return { type: 'resize', size: parsed.size, ...filterOf(parsed.interpolation) };
}

/** Crops the center. A crop larger than the image is an error: resize first. */
export function centerCrop(size: ImageSize): StepOf<'centerCrop'> {
  const options = parseOptions('centerCrop', v.strictObject({ size: sizeSchema }), { size });
  return { type: 'centerCrop', size: bothSides(options.size) };
}

export interface RandomResizedCropOptions extends ResizingOptions {
  /** Area of the crop as a fraction of the image. @defaultValue `[0.08, 1]` */
  readonly scale?: readonly [low: number, high: number];
  /** Aspect ratio of the crop, width / height. @defaultValue `[3 / 4, 4 / 3]` */
  readonly ratio?: readonly [low: number, high: number];
}

/**
 * Crops a random area with a random aspect ratio, and resizes it: Inception's augmentation, by the rules of torchvision's
 * `RandomResizedCrop` (ten tries, then the largest centered crop with an allowed ratio).
 */
export function randomResizedCrop(
  size: ImageSize,
  options: RandomResizedCropOptions = {},
): StepOf<'randomResizedCrop'> {
  const schema = v.strictObject({
    size: sizeSchema,
    scale: v.optional(rangeOf(1e-9, 1), [0.08, 1]),
    ratio: v.optional(rangeOf(1e-3, 1e3), [3 / 4, 4 / 3]),
    interpolation,
  });
  const {
    size: both,
    scale,
    ratio,
    interpolation: filter,
  } = parseOptions('randomResizedCrop', schema, { ...options, size });
  return { type: 'randomResizedCrop', size: bothSides(both), scale, ratio, ...filterOf(filter) };
}

/** Flips horizontally with a probability. @defaultValue `0.5` */
export function randomHorizontalFlip(probability = 0.5): StepOf<'randomHorizontalFlip'> {
  const schema = v.strictObject({ probability: share(0, 1) });
  return { type: 'randomHorizontalFlip', ...parseOptions('randomHorizontalFlip', schema, { probability }) };
}

export interface ColorJitterOptions {
  /** The factor is uniform in `1 - brightness … 1 + brightness`, at least 0. @defaultValue `0` */
  readonly brightness?: number;
  /** The same for the distance from the mean gray. @defaultValue `0` */
  readonly contrast?: number;
  /** The same for the distance from each pixel's gray. @defaultValue `0` */
  readonly saturation?: number;
  /** The hue rotates by a fraction of the circle, uniform in `-hue … hue`; at most 0.5. @defaultValue `0` */
  readonly hue?: number;
}

/** Changes brightness, contrast, saturation and hue in a random order, as torchvision's `ColorJitter`. */
export function colorJitter(options: ColorJitterOptions): StepOf<'colorJitter'> {
  const strength = v.optional(share(0, 1e3), 0);
  const schema = v.strictObject({
    brightness: strength,
    contrast: strength,
    saturation: strength,
    hue: v.optional(share(0, 0.5), 0),
  });
  return { type: 'colorJitter', ...parseOptions('colorJitter', schema, options) };
}

export interface NormalizeOptions {
  /** For red, green and blue, on a scale from 0 to 1; with `channels: 1` one number, with `channels: 4` one for alpha as well. */
  readonly mean: PerChannel;
  readonly std: PerChannel;
}

type PerChannel =
  | readonly [gray: number]
  | readonly [red: number, green: number, blue: number]
  | readonly [red: number, green: number, blue: number, alpha: number];

/** Mean and standard deviation of ImageNet, which most published models expect. */
export const imageNetStatistics: Readonly<Record<'mean' | 'std', readonly [number, number, number]>> = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** `(value / 255 - mean) / std`, channel by channel. @defaultValue {@link imageNetStatistics} */
export function normalize(options: NormalizeOptions = imageNetStatistics): StepOf<'normalize'> {
  const schema = v.pipe(
    v.strictObject({
      mean: perChannel,
      std: v.pipe(
        perChannel,
        v.check((std) => std.every((value) => value > 0), 'must be above 0'),
      ),
    }),
    v.check(({ mean, std }) => mean.length === std.length, 'must have as many means as deviations'),
  );
  return { type: 'normalize', ...parseOptions('normalize', schema, options) };
}

function bothSides(size: ImageSize): readonly [number, number] {
  return typeof size === 'number' ? [size, size] : size;
}
