import * as v from 'valibot';
import { booleanOption, integerFrom, parseOptions } from '../../core/options.js';
import { fill, numberFrom, probability, rangeWithin, type StepFill } from './step-options.js';

/** A step that moves pixels. All that follow each other are joined into one resampling. */
export type MovingStep =
  | { readonly type: 'randomVerticalFlip'; readonly probability: number }
  | { readonly type: 'pad'; readonly padding: Sides; readonly fill: StepFill }
  | {
      readonly type: 'randomCrop';
      readonly size: readonly [height: number, width: number];
      readonly padding: Sides;
      readonly fill: StepFill;
    }
  | ({ readonly type: 'randomRotation' } & Required<RotationStepOptions>)
  | ({ readonly type: 'randomAffine' } & Required<AffineStepOptions>)
  | ({ readonly type: 'randomPerspective' } & Required<PerspectiveStepOptions>);

/** Pixels at each side of an image. */
export type Sides = readonly [left: number, top: number, right: number, bottom: number];

const pixels = integerFrom(0);
const paddingOption = v.union(
  [pixels, v.tuple([pixels, pixels, pixels, pixels])],
  'must be a number of pixels or [left, top, right, bottom]',
);
const degrees = v.pipe(v.number('must be a number of degrees'), v.finite('must be finite'));
const degreesOption = v.union(
  [v.pipe(degrees, v.minValue(0, 'must be 0 or more')), rangeWithin(-1e6, 1e6)],
  'must be a number of degrees or [low, high]',
);
const fillOption = v.optional(fill, 0);

/** A number of degrees as a range around 0. */
function bothWays(range: number | readonly [number, number]): readonly [number, number] {
  return typeof range === 'number' ? [-range, range] : range;
}

function allSides(padding: number | Sides): Sides {
  return typeof padding === 'number' ? [padding, padding, padding, padding] : padding;
}

/** Flips top and bottom. @defaultValue `0.5` */
export function randomVerticalFlip(chance = 0.5): MovingStep {
  const schema = v.strictObject({ probability });
  return {
    type: 'randomVerticalFlip',
    ...parseOptions('augment.randomVerticalFlip', schema, { probability: chance }),
  };
}

/** Adds a border of one color. */
export function pad(padding: number | Sides, options: { readonly fill?: StepFill } = {}): MovingStep {
  const schema = v.strictObject({ padding: paddingOption, fill: fillOption });
  const parsed = parseOptions('augment.pad', schema, { ...options, padding });
  return { type: 'pad', padding: allSides(parsed.padding), fill: parsed.fill };
}

export interface RandomCropOptions {
  /** Width in pixels of the border that is added before cropping, per side. @defaultValue `0` */
  readonly padding?: number | Sides;
  /** The color of the border. @defaultValue `0`, black */
  readonly fill?: StepFill;
}

/** Crops a random part. A crop larger than the padded image is an error. */
export function randomCrop(
  size: number | readonly [height: number, width: number],
  options: RandomCropOptions = {},
): MovingStep {
  const side = integerFrom(1);
  const schema = v.strictObject({
    size: v.union([side, v.tuple([side, side])], 'must be a number of pixels or [height, width]'),
    padding: v.optional(paddingOption, 0),
    fill: fillOption,
  });
  const parsed = parseOptions('augment.randomCrop', schema, { ...options, size });
  const both = typeof parsed.size === 'number' ? ([parsed.size, parsed.size] as const) : parsed.size;
  return { type: 'randomCrop', size: both, padding: allSides(parsed.padding), fill: parsed.fill };
}

export interface RotationStepOptions {
  /** The angle is uniform in this range, counterclockwise. */
  readonly degrees: readonly [low: number, high: number];
  /** Whether the result holds the whole rotated image; its size then depends on the angle. @defaultValue `false` */
  readonly expand?: boolean;
  /** Color of the pixels beyond the image. @defaultValue `0`, black */
  readonly fill?: StepFill;
}

/** Rotates around the center. @param range - Degrees; one number is `[-range, range]`. */
export function randomRotation(
  range: number | readonly [low: number, high: number],
  options: Omit<RotationStepOptions, 'degrees'> = {},
): MovingStep {
  const schema = v.strictObject({
    degrees: degreesOption,
    expand: v.optional(booleanOption, false),
    fill: fillOption,
  });
  const parsed = parseOptions('augment.randomRotation', schema, { ...options, degrees: range });
  return { type: 'randomRotation', ...parsed, degrees: bothWays(parsed.degrees) };
}

export interface AffineStepOptions {
  /** The angle is uniform in this range, clockwise. */
  readonly degrees: readonly [low: number, high: number];
  /** Largest translation in either direction, as fractions of width and height. @defaultValue `[0, 0]` */
  readonly translate?: readonly [x: number, y: number];
  /** @defaultValue `[1, 1]` */
  readonly scale?: readonly [low: number, high: number];
  /** Degrees of the shear along x and along y. @defaultValue `[[0, 0], [0, 0]]` */
  readonly shear?: readonly [
    x: readonly [low: number, high: number],
    y: readonly [low: number, high: number],
  ];
  /** Color of the pixels beyond the image. @defaultValue `0`, black */
  readonly fill?: StepFill;
}

/** Rotates, moves, scales and shears around the center. @param range - Degrees; one number is `[-range, range]`. */
export function randomAffine(
  range: number | readonly [low: number, high: number],
  options: Omit<AffineStepOptions, 'degrees'> = {},
): MovingStep {
  const shears = rangeWithin(-89, 89);
  const schema = v.strictObject({
    degrees: degreesOption,
    translate: v.optional(v.tuple([numberFrom(0, 1), numberFrom(0, 1)], 'must be [x, y]'), [0, 0]),
    scale: v.optional(rangeWithin(1e-3, 1e3), [1, 1]),
    shear: v.optional(v.tuple([shears, shears], 'must be [[low, high], [low, high]]'), [
      [0, 0],
      [0, 0],
    ]),
    fill: fillOption,
  });
  const parsed = parseOptions('augment.randomAffine', schema, { ...options, degrees: range });
  return { type: 'randomAffine', ...parsed, degrees: bothWays(parsed.degrees) };
}

export interface PerspectiveStepOptions {
  /** Largest distance that a corner moves, as a fraction of half the image. @defaultValue `0.5` */
  readonly distortionScale?: number;
  /** @defaultValue `0.5` */
  readonly probability?: number;
  /** Color of the pixels beyond the image. @defaultValue `0`, black */
  readonly fill?: StepFill;
}

/** Moves each corner inward, by torchvision's rules. */
export function randomPerspective(options: PerspectiveStepOptions = {}): MovingStep {
  const schema = v.strictObject({
    distortionScale: v.optional(probability, 0.5),
    probability: v.optional(probability, 0.5),
    fill: fillOption,
  });
  return { type: 'randomPerspective', ...parseOptions('augment.randomPerspective', schema, options) };
}
