import * as v from 'valibot';
import { type CollateContext, numberDtypeOption } from '../../core/collate.js';
import { mismatch } from '../../core/collate-error.js';
import { collateTree } from '../../core/collate-tree.js';
import type { Collated } from '../../core/collated.js';
import type { Allocate } from '../../core/dataset.js';
import { type DType, isBigIntDType } from '../../core/dtype.js';
import { CollateError } from '../../core/errors.js';
import { holds } from '../../core/exact-elements.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import { checkDtype } from '../../core/stack-tensors.js';
import type { Tensor } from '../../core/tensor.js';

export interface PadCollateOptions<N extends DType = 'float32'> {
  /** What fills the places behind a short sample. @defaultValue `0` */
  readonly padValue?: number;
  /** The first dimension is rounded up to a multiple of it, so that fewer shapes occur. @defaultValue `1` */
  readonly multipleOf?: number;
  /** Dtype of a batch of JavaScript numbers. @defaultValue `'float32'` */
  readonly numberDtype?: N;
}

const schema = v.strictObject({
  padValue: v.optional(v.number('must be a number'), 0),
  multipleOf: v.optional(integerFrom(1), 1),
  numberDtype: v.optional(numberDtypeOption, 'float32'),
});

/** A collate that pads; it says how to make it again in a worker. */
export interface PadCollate<N extends DType = 'float32'> {
  <T>(samples: readonly T[], context?: Partial<CollateContext>): Collated<T, N>;
  readonly padOptions: Required<PadCollateOptions<N>>;
}

/**
 * Makes a collate for tensors of different lengths: each dimension grows to the largest of the batch, the first one to
 * a multiple of `multipleOf`, and `padValue` fills the rest. Everything else is collated as {@link defaultCollate} does.
 *
 * @throws {@link CollateError} from the collate when two samples differ in dtype or in number of dimensions.
 */
export function padCollate<N extends DType = 'float32'>(options: PadCollateOptions<N> = {}): PadCollate<N> {
  const resolved = parseOptions('padCollate options', schema, options) as Required<PadCollateOptions<N>>;
  const { padValue, multipleOf, numberDtype } = resolved;
  const stack = (samples: readonly Tensor[], path: string, allocate: Allocate): Tensor =>
    padTensors(samples, path, allocate, padValue, multipleOf);
  const collate = <T>(samples: readonly T[], context: Partial<CollateContext> = {}): Collated<T, N> =>
    collateTree(samples, { stack, numberDtype, parity: false }, context.allocate) as Collated<T, N>;
  return Object.assign(collate, { padOptions: resolved });
}

function padTensors(
  samples: readonly Tensor[],
  path: string,
  allocate: Allocate,
  padValue: number,
  multipleOf: number,
): Tensor {
  const first = samples[0]!;
  samples.forEach((sample, i) => {
    checkDtype(first, sample, path, i);
    if (sample.shape.length !== first.shape.length) {
      throw mismatch(path, i, `has ${sample.shape.length} dimensions`, `sample 0 ${first.shape.length}`);
    }
  });
  const shape = first.shape.map((_, axis) => Math.max(...samples.map((sample) => sample.shape[axis]!)));
  if (shape.length > 0) shape[0] = Math.ceil(shape[0]! / multipleOf) * multipleOf;

  const batch = allocate(first.dtype, [samples.length, ...shape]);
  const target = batch.data as Float64Array;
  const needsPadding = samples.some(({ data }) => data.length * samples.length < target.length);
  if (needsPadding && !holds(first.dtype, padValue)) throw noPlaceForPadding(path, first.dtype, padValue);
  const padding = (needsPadding && isBigIntDType(first.dtype) ? BigInt(padValue) : padValue) as number;
  const size = target.length / samples.length;
  samples.forEach((sample, i) => {
    const whole = target.subarray(i * size, (i + 1) * size);
    if (sample.data.length < size) whole.fill(padding);
    copyBlock(sample.data as Float64Array, sample.shape, whole, shape);
  });
  return batch;
}

function noPlaceForPadding(path: string, dtype: DType, padValue: number): CollateError {
  return new CollateError(`The padValue ${padValue} is not a number that ${dtype} can hold`, {
    where: { path: path || '(the sample)', dtype, padValue },
    next: 'Pass a padValue that the dtype holds, or convert the samples in a transform: tokens that are padded with -100 to int32.',
  });
}

/** Copies an array of shape `from` into the corner of an array of shape `to`, innermost rows at once. */
function copyBlock(
  source: Float64Array,
  from: readonly number[],
  target: Float64Array,
  to: readonly number[],
): void {
  if (from.length <= 1) {
    target.set(source);
    return;
  }
  const step = source.length / from[0]!;
  const stride = target.length / to[0]!;
  for (let i = 0; i < from[0]!; i++) {
    copyBlock(
      source.subarray(i * step, (i + 1) * step),
      from.slice(1),
      target.subarray(i * stride, (i + 1) * stride),
      to.slice(1),
    );
  }
}
