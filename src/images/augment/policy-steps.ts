import * as v from 'valibot';
import { booleanOption, integerFrom, parseOptions } from '../../core/options.js';
import { fill, numberFrom, type StepFill, warpInterpolation } from './step-options.js';

/** Options of all policies: how they rotate, shear and translate. */
export interface PolicySampling {
  /** @defaultValue `'nearest'`; for AugMix `'bilinear'` */
  readonly interpolation?: 'nearest' | 'bilinear';
  /** Color of the pixels beyond the image. @defaultValue `null`: black */
  readonly fill?: StepFill | null;
}

/** A step that chooses operations at random. */
export type PolicyStep =
  | ({ readonly type: 'randAugment' } & Required<RandAugmentOptions>)
  | ({ readonly type: 'trivialAugmentWide' } & Required<TrivialAugmentOptions>)
  | ({ readonly type: 'autoAugment' } & Required<AutoAugmentOptions>)
  | ({ readonly type: 'augMix' } & Required<AugMixOptions>);

const sampling = {
  interpolation: v.optional(warpInterpolation, 'nearest'),
  fill: v.optional(v.nullable(fill), null),
};
const bins = v.optional(integerFrom(2), 31);

export interface RandAugmentOptions extends PolicySampling {
  /** Number of operations to apply to an image. @defaultValue `2` */
  readonly numOps?: number;
  /** Strength of all operations: an index into the magnitudes, from 0. @defaultValue `9` */
  readonly magnitude?: number;
  /** Number of magnitudes of each operation. @defaultValue `31` */
  readonly numMagnitudeBins?: number;
}

/**
 * RandAugment (Cubuk et al., 2019): several operations in a row, each chosen at random from 14, all of one strength. Operations,
 * magnitudes and rounding are those of torchvision's `v2.RandAugment` on uint8 tensors.
 */
export function randAugment(options: RandAugmentOptions = {}): PolicyStep {
  const schema = v.pipe(
    v.strictObject({
      numOps: v.optional(integerFrom(0), 2),
      magnitude: v.optional(integerFrom(0), 9),
      numMagnitudeBins: bins,
      ...sampling,
    }),
    v.check(
      ({ magnitude, numMagnitudeBins }) => magnitude < numMagnitudeBins,
      'magnitude must be below numMagnitudeBins',
    ),
  );
  return { type: 'randAugment', ...parseOptions('augment.randAugment', schema, options) };
}

export interface TrivialAugmentOptions extends PolicySampling {
  /** Number of magnitudes of each operation. @defaultValue `31` */
  readonly numMagnitudeBins?: number;
}

/**
 * TrivialAugment, wide (Müller and Hutter, 2021): one operation with a random strength. As torchvision's
 * `v2.TrivialAugmentWide` on uint8 tensors.
 */
export function trivialAugmentWide(options: TrivialAugmentOptions = {}): PolicyStep {
  const schema = v.strictObject({ numMagnitudeBins: bins, ...sampling });
  return { type: 'trivialAugmentWide', ...parseOptions('augment.trivialAugmentWide', schema, options) };
}

/** The data sets for which AutoAugment published a policy. */
export type AutoAugmentPolicy = 'imagenet' | 'cifar10' | 'svhn';

export interface AutoAugmentOptions extends PolicySampling {
  /** @defaultValue `'imagenet'` */
  readonly policy?: AutoAugmentPolicy;
}

/**
 * AutoAugment (Cubuk et al., 2018): one of 25 published pairs of operations. As torchvision's `v2.AutoAugment` on uint8
 * tensors.
 */
export function autoAugment(options: AutoAugmentOptions = {}): PolicyStep {
  const schema = v.strictObject({
    policy: v.optional(
      v.picklist(['imagenet', 'cifar10', 'svhn'], "must be 'imagenet', 'cifar10' or 'svhn'"),
      'imagenet',
    ),
    ...sampling,
  });
  return { type: 'autoAugment', ...parseOptions('augment.autoAugment', schema, options) };
}

export interface AugMixOptions extends PolicySampling {
  /** Largest strength of an operation: 1 … 10. @defaultValue `3` */
  readonly severity?: number;
  /** Number of chains to mix. @defaultValue `3` */
  readonly mixtureWidth?: number;
  /** Number of operations in a chain; `'random'`: 1 to 3. @defaultValue `'random'` */
  readonly chainDepth?: number | 'random';
  /** Parameter of the distributions of the weights. @defaultValue `1` */
  readonly alpha?: number;
  /** Whether brightness, contrast, saturation and sharpness are among the operations. @defaultValue `true` */
  readonly allOps?: boolean;
}

/** AugMix (Hendrycks et al., 2019): a mixture of the image with chains of operations. As torchvision's `v2.AugMix`. */
export function augMix(options: AugMixOptions = {}): PolicyStep {
  const schema = v.strictObject({
    severity: v.optional(v.pipe(integerFrom(1), v.maxValue(10, 'must be 10 or less')), 3),
    mixtureWidth: v.optional(integerFrom(1), 3),
    chainDepth: v.optional(
      v.union([integerFrom(1), v.literal('random')], "must be a number of operations or 'random'"),
      'random',
    ),
    alpha: v.optional(numberFrom(1e-3, 1e3), 1),
    allOps: v.optional(booleanOption, true),
    interpolation: v.optional(warpInterpolation, 'bilinear'),
    fill: v.optional(v.nullable(fill), null),
  });
  return { type: 'augMix', ...parseOptions('augment.augMix', schema, options) };
}
