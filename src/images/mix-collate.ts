import * as v from 'valibot';
import type { CollateContext } from '../core/collate.js';
import { collateTree } from '../core/collate-tree.js';
import type { SampleRandom } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { isRecord, ownValue } from '../core/record.js';
import { stackTensors } from '../core/stack-tensors.js';
import { isTensor, type Tensor } from '../core/tensor.js';
import { symmetricBeta } from '../random/gamma.js';
import { mixLabels, mixValues, type PastedBox, pasteBoxes } from './mix-batch.js';

export interface MixCollateOptions<I extends string = 'image', L extends string = 'label'> {
  /** Number of classes: the length of a mixed label. Not needed for labels that are lists of probabilities. */
  readonly numClasses?: number;
  /** Parameter of the beta distribution of the shares. @defaultValue `1` */
  readonly alpha?: number;
  /** Fraction of the batches to mix; in the others, only the labels change their form. @defaultValue `1` */
  readonly probability?: number;
  /** Name of the images. @defaultValue `'image'` */
  readonly image?: I;
  /** Name of the labels. @defaultValue `'label'` */
  readonly label?: L;
}

/** The kind of a mixing collate, and its options. */
export interface MixOptions {
  readonly mix: 'mixUp' | 'cutMix';
  readonly numClasses: number | undefined;
  readonly alpha: number;
  readonly probability: number;
  readonly image: string;
  readonly label: string;
}

/** A collate that mixes images, with a recipe for workers. */
export interface MixCollate<B extends object = object> {
  (samples: readonly object[], context: CollateContext): B;
  readonly mixOptions: MixOptions;
}

/** The fields of a batch that are mixed; others are collated as by `defaultCollate`. */
export type MixedBatch<I extends string, L extends string, D extends DType> = {
  readonly [K in I]: Tensor<D>;
} & {
  /** Shape `[B, numClasses]`. */
  readonly [K in L]: Tensor<'float32'>;
};

/**
 * MixUp (Zhang et al., 2017): each image of a batch is mixed with the one before it, and its label as well, with one share for the
 * batch from a beta distribution. As torchvision's `v2.MixUp`.
 *
 * @returns a `collate` for a loader. Images are float32, shape `[B, …]`; labels become float32, shape `[B, numClasses]`.
 * @throws {@link ConfigError}; from the collate {@link ShapeError} for images or labels of another form.
 */
export function mixUp<I extends string = 'image', L extends string = 'label'>(
  options: MixCollateOptions<I, L>,
): MixCollate<MixedBatch<I, L, 'float32'>> {
  return mixCollate(resolved('mixUp', options)) as MixCollate<MixedBatch<I, L, 'float32'>>;
}

/**
 * CutMix (Yun et al., 2019): a rectangle of each image of a batch is replaced by that of the one before it; labels are mixed by
 * area. As torchvision's `v2.CutMix`.
 *
 * @returns a `collate` for a loader. Images are NCHW of any dtype; labels become float32, shape `[B, numClasses]`.
 * @throws {@link ConfigError}; from the collate {@link ShapeError} for images or labels of another form.
 */
export function cutMix<I extends string = 'image', L extends string = 'label'>(
  options: MixCollateOptions<I, L>,
): MixCollate<MixedBatch<I, L, 'float32' | 'uint8'>> {
  return mixCollate(resolved('cutMix', options)) as MixCollate<MixedBatch<I, L, 'float32' | 'uint8'>>;
}

const number = v.number('must be a number');
const schema = v.strictObject({
  numClasses: v.optional(integerFrom(1)),
  alpha: v.optional(v.pipe(number, v.gtValue(0, 'must be above 0')), 1),
  probability: v.optional(
    v.pipe(number, v.minValue(0, 'must be 0 or more'), v.maxValue(1, 'must be 1 or less')),
    1,
  ),
  image: v.optional(v.string('must be the name of a field'), 'image'),
  label: v.optional(v.string('must be the name of a field'), 'label'),
});

function resolved(mix: MixOptions['mix'], options: MixCollateOptions<string, string>): MixOptions {
  const { numClasses, ...rest } = parseOptions(`${mix} options`, schema, options);
  return { mix, numClasses, ...rest };
}

/** Makes the collate of complete options, on whichever thread it runs. */
export function mixCollate(options: MixOptions): MixCollate {
  const rules = { numberDtype: 'float32', stack: stackTensors, parity: false } as const;
  const collate = (samples: readonly object[], { allocate, rng }: CollateContext): object => {
    const collated = collateTree(samples, rules, allocate);
    const batch = isRecord(collated) ? collated : {};
    const images = fieldOf(batch, options, options.image);
    const labels = fieldOf(batch, options, options.label);
    const size = images.shape[0]!;
    const share = options.mix === 'mixUp' ? mixImages(images, options, rng) : cutImages(images, options, rng);
    const classes = labels.shape[1] ?? options.numClasses;
    if (classes === undefined) {
      throw new ConfigError(`${options.mix} options`, [
        { field: 'numClasses', message: 'is missing: labels are numbers of classes' },
      ]);
    }
    const target = allocate('float32', [size, classes]);
    mixLabels(labels, classes, share, target.data, options);
    return { ...batch, [options.label]: target };
  };
  return Object.assign(collate, { mixOptions: options });
}

function fieldOf(batch: Record<string, unknown>, { mix }: MixOptions, name: string): Tensor {
  const value = ownValue(batch, name);
  if (isTensor(value) && value.shape.length > 0) return value;
  throw new ShapeError(`${mix} needs a tensor ${name} in each sample`, {
    where: { fields: Object.keys(batch).join(', ') },
    next: 'Name the fields with the options image and label.',
  });
}

/** Mixes images in place. @returns the share of each image in its result. */
function mixImages(images: Tensor, { alpha, probability }: MixOptions, rng: SampleRandom): number {
  const { data } = images;
  if (!(data instanceof Float32Array)) {
    throw new ShapeError(`mixUp needs float32 images, not ${images.dtype}`, {
      where: { shape: `[${images.shape}]` },
      next: 'End the transforms with normalize, or use cutMix.',
    });
  }
  if (!rng.boolean(probability)) return 1;
  const share = symmetricBeta(alpha, rng);
  mixValues(data, images.shape[0]!, share);
  return share;
}

/** Pastes rectangles in place. @returns the share of each image in its result. */
function cutImages(images: Tensor, { alpha, probability }: MixOptions, rng: SampleRandom): number {
  const [batch = 0, channels = 0, height = 0, width = 0] = images.shape;
  if (images.shape.length !== 4 || ![1, 3, 4].includes(channels)) {
    throw new ShapeError(`cutMix needs images of the shape [B, C, H, W], not [${images.shape}]`, {
      next: `Use layout: 'NCHW'.`,
    });
  }
  if (!rng.boolean(probability)) return 1;
  const share = symmetricBeta(alpha, rng);
  const [centerX, centerY] = [rng.integer(0, width), rng.integer(0, height)];
  const half = 0.5 * Math.sqrt(1 - share);
  const [halfWidth, halfHeight] = [Math.trunc(half * width), Math.trunc(half * height)];
  const box: PastedBox = {
    left: Math.max(0, centerX - halfWidth),
    top: Math.max(0, centerY - halfHeight),
    right: Math.min(width, centerX + halfWidth),
    bottom: Math.min(height, centerY + halfHeight),
  };
  pasteBoxes(images.data, { batch, channels, height, width }, box);
  return 1 - ((box.right - box.left) * (box.bottom - box.top)) / (width * height);
}
