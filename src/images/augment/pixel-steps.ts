import * as v from 'valibot';
import { integerFrom, parseOptions } from '../../core/options.js';
import { numberFrom, probability, rangeWithin } from './step-options.js';

/** A step that changes pixels and leaves them where they are. */
export type ColorStep =
  | { readonly type: 'randomGrayscale'; readonly probability: number }
  | ({ readonly type: 'gaussianBlur'; readonly probability: number } & Required<
      Omit<BlurStepOptions, 'probability'>
    >)
  | { readonly type: 'randomInvert'; readonly probability: number }
  | { readonly type: 'randomPosterize'; readonly bits: number; readonly probability: number }
  | { readonly type: 'randomSolarize'; readonly threshold: number; readonly probability: number }
  | { readonly type: 'randomAdjustSharpness'; readonly sharpnessFactor: number; readonly probability: number }
  | { readonly type: 'randomAutocontrast'; readonly probability: number }
  | { readonly type: 'randomEqualize'; readonly probability: number };

const onlyProbability = v.strictObject({ probability });

function withProbability<T extends ColorStep['type']>(
  type: T,
  chance: number,
): { readonly type: T; readonly probability: number } {
  return { type, ...parseOptions(`augment.${type}`, onlyProbability, { probability: chance }) };
}

/** Makes an image gray, in three equal channels. @defaultValue `0.1` */
export function randomGrayscale(chance = 0.1): ColorStep {
  return withProbability('randomGrayscale', chance);
}

/** Inverts all levels. @defaultValue `0.5` */
export function randomInvert(chance = 0.5): ColorStep {
  return withProbability('randomInvert', chance);
}

/** Stretches the levels of each channel to the whole range. @defaultValue `0.5` */
export function randomAutocontrast(chance = 0.5): ColorStep {
  return withProbability('randomAutocontrast', chance);
}

/** Makes the histogram of each channel flat. @defaultValue `0.5` */
export function randomEqualize(chance = 0.5): ColorStep {
  return withProbability('randomEqualize', chance);
}

/** Keeps the highest `bits` of each value. */
export function randomPosterize(bits: number, chance = 0.5): ColorStep {
  const schema = v.strictObject({
    bits: v.pipe(integerFrom(0), v.maxValue(8, 'must be 8 or less')),
    probability,
  });
  return {
    type: 'randomPosterize',
    ...parseOptions('augment.randomPosterize', schema, { bits, probability: chance }),
  };
}

/** Inverts the values that are at least a threshold of 0 … 255. */
export function randomSolarize(threshold: number, chance = 0.5): ColorStep {
  const schema = v.strictObject({ threshold: numberFrom(0, 255), probability });
  return {
    type: 'randomSolarize',
    ...parseOptions('augment.randomSolarize', schema, { threshold, probability: chance }),
  };
}

/** Blends with a blurred image: 0 is blurred, 1 the image, 2 sharper. */
export function randomAdjustSharpness(sharpnessFactor: number, chance = 0.5): ColorStep {
  const schema = v.strictObject({ sharpnessFactor: numberFrom(0, 1e3), probability });
  return {
    type: 'randomAdjustSharpness',
    ...parseOptions('augment.randomAdjustSharpness', schema, { sharpnessFactor, probability: chance }),
  };
}

export interface BlurStepOptions {
  /** Width of the kernel in pixels, odd. */
  readonly kernelSize: number;
  /** The standard deviation in pixels is uniform in this range. @defaultValue `[0.1, 2]` */
  readonly sigma?: readonly [low: number, high: number];
  /** @defaultValue `1` */
  readonly probability?: number;
}

/** Blurs with a Gaussian of a random width. */
export function gaussianBlur(options: BlurStepOptions): ColorStep {
  const schema = v.strictObject({
    kernelSize: v.pipe(
      integerFrom(1),
      v.check((size) => size % 2 === 1, 'must be odd'),
    ),
    sigma: v.optional(rangeWithin(1e-3, 1e3), [0.1, 2]),
    probability: v.optional(probability, 1),
  });
  return { type: 'gaussianBlur', ...parseOptions('augment.gaussianBlur', schema, options) };
}
