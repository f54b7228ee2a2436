import * as v from 'valibot';
import { type CollateContext, numberDtypeOption } from '../../core/collate.js';
import { mismatch } from '../../core/collate-error.js';
import { collateTree } from '../../core/collate-tree.js';
import type { Collated } from '../../core/collated.js';
import type { Allocate } from '../../core/dataset.js';
import { type DType, isBigIntDType } from '../../core/dtype.js';
import { CollateError } from '../../core/errors.js';
import { holds } from '../../core/exact-elements.js';
import { integerFrom, parseOptions, recordOf } from '../../core/options.js';
import { checkDtype } from '../../core/stack-tensors.js';
import type { Tensor } from '../../core/tensor.js';

export interface PadCollateOptions<N extends DType = 'float32'> {
  /**
   * The pad value after a short sample: one number, or one for each field by its name, such as
   * `{ inputIds: 0, labels: -100 }`; other fields get 0. @defaultValue `0`
   */
  readonly padValue?: number | Readonly<Record<string, number>>;
  /** Where the places are that are filled: before or after a short sample. @defaultValue `'right'` */
  readonly side?: 'left' | 'right';
  /** The first dimension is rounded up to a multiple of this, so that fewer shapes occur. @defaultValue `1` */
  readonly multipleOf?: number;
  /** Dtype of a batch of JavaScript numbers. @defaultValue `'float32'` */
  readonly numberDtype?: N;
}

const schema = v.strictObject({
  padValue: v.optional(
    v.union(
      [v.number(), recordOf(v.number('must be a number'))],
      'must be a number, or a number for each field by its name',
    ),
    0,
  ),
  side: v.optional(v.picklist(['left', 'right'], "must be 'left' or 'right'"), 'right'),
  multipleOf: v.optional(integerFrom(1), 1),
  numberDtype: v.optional(numberDtypeOption, 'float32'),
});

/** A collate that pads, with a recipe for workers. */
export interface PadCollate<N extends DType = 'float32'> {
  <T>(samples: readonly T[], context?: Partial<CollateContext>): Collated<T, N>;
  readonly padOptions: Required<PadCollateOptions<N>>;
}

/**
 * Makes a collate for tensors of different lengths: each dimension grows to the largest of the batch, the first one
 * to a multiple of `multipleOf`, and `padValue` fills the rest. Other values are collated as by {@link
 * defaultCollate}.
 *
 * @throws {@link CollateError} from the collate if two samples differ in dtype or in number of dimensions.
 */
export function padCollate<N extends DType = 'float32'>(options: PadCollateOptions<N> = {}): PadCollate<N> {
  const resolved = parseOptions('padCollate options', schema, options) as Required<PadCollateOptions<N>>;
  const { padValue, side, multipleOf, numberDtype } = resolved;
  const byField = typeof padValue === 'number' ? undefined : new Map(Object.entries(padValue));
  const collate = <T>(samples: readonly T[], context: Partial<CollateContext> = {}): Collated<T, N> => {
    const unseen = new Set(byField?.keys());
    const stack = (tensors: readonly Tensor[], path: string, allocate: Allocate): Tensor => {
      const field = path.slice(path.lastIndexOf('.') + 1);
      unseen.delete(field);
      const fill = byField ? (byField.get(field) ?? 0) : (padValue as number);
      return padTensors(tensors, path, allocate, { fill, side, multipleOf });
    };
    const batch = collateTree(samples, { stack, numberDtype, parity: false }, context.allocate);
    if (unseen.size > 0) throw noSuchField([...unseen], samples[0]);
    return batch as Collated<T, N>;
  };
  return Object.assign(collate, { padOptions: resolved });
}

interface Padding {
  readonly fill: number;
  readonly side: 'left' | 'right';
  readonly multipleOf: number;
}

function padTensors(
  samples: readonly Tensor[],
  path: string,
  allocate: Allocate,
  { fill: padValue, side, multipleOf }: Padding,
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
    copyBlock(sample.data as Float64Array, sample.shape, whole, shape, side);
  });
  return batch;
}

function noPlaceForPadding(path: string, dtype: DType, padValue: number): CollateError {
  return new CollateError(`The padValue ${padValue} is not a number that ${dtype} can hold`, {
    where: { path: path || '(the sample)', dtype, padValue },
    next: 'Pass a padValue that the dtype holds, or convert the samples in a transform: tokens that are padded with -100 to int32.',
  });
}

function noSuchField(fields: readonly string[], sample: unknown): CollateError {
  return new CollateError(`padValue names ${fields.join(', ')}, which is not a field with a tensor`, {
    where: { fields: Object.keys((sample ?? {}) as object).join(', ') },
    next: 'Name the fields of the samples as they are spelled there.',
  });
}

/** Copies an array of shape `from` into the first or last corner of an array of shape `to`, innermost rows at once. */
function copyBlock(
  source: Float64Array,
  from: readonly number[],
  target: Float64Array,
  to: readonly number[],
  side: Padding['side'],
): void {
  if (from.length <= 1) {
    target.set(source, side === 'left' ? target.length - source.length : 0);
    return;
  }
  const step = source.length / from[0]!;
  const stride = target.length / to[0]!;
  const first = side === 'left' ? to[0]! - from[0]! : 0;
  for (let i = 0; i < from[0]!; i++) {
    copyBlock(
      source.subarray(i * step, (i + 1) * step),
      from.slice(1),
      target.subarray((first + i) * stride, (first + i + 1) * stride),
      to.slice(1),
      side,
    );
  }
}
