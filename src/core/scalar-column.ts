import { mismatch } from './collate-error.js';
import type { Allocate } from './dataset.js';
import { type DType, isBigIntDType } from './dtype.js';
import type { Tensor } from './tensor.js';

/** What becomes one element of a tensor. */
export type Scalar = number | bigint | boolean;

/** How a column of scalars becomes a tensor. */
export interface ScalarColumn {
  readonly dtype: DType;
  readonly path: string;
  readonly allocate: Allocate;
}

/**
 * Makes a tensor of shape `[B]` of one value a sample.
 *
 * @throws {@link CollateError} when an integer dtype cannot hold a value exactly.
 */
export function scalarTensor(values: readonly Scalar[], { dtype, path, allocate }: ScalarColumn): Tensor {
  const batch = allocate(dtype, [values.length]);
  if (dtype === 'float32' || dtype === 'float64') fillFloats(batch.data as Float64Array, values);
  else fillExactly(batch, values, path);
  return batch;
}

function fillFloats(data: Float64Array, values: readonly Scalar[]): void {
  for (let i = 0; i < values.length; i++) data[i] = Number(values[i]);
}

function fillExactly({ dtype, data }: Tensor, values: readonly Scalar[], path: string): void {
  const isBig = isBigIntDType(dtype);
  values.forEach((value, i) => {
    if (isBig && typeof value === 'number' && !Number.isSafeInteger(value))
      throw cannotHold(path, i, value, dtype);
    const element = isBig ? BigInt(value) : Number(value);
    data[i] = element;
    if (data[i] !== element) throw cannotHold(path, i, value, dtype);
  });
}

function cannotHold(path: string, position: number, value: Scalar, dtype: DType) {
  return mismatch(
    path,
    position,
    `is ${value}`,
    `a batch of dtype ${dtype}`,
    `Choose another numberDtype, or give tensors.`,
  );
}

/**
 * The dtype that `torch.tensor` gives a column: int64 for integers, float64 for floats, bool, and float32 where a float comes
 * after an integer. A `bigint` is an integer; a number is a float when the caller says what dtype numbers have, and otherwise
 * counts as an integer as long as all of the column are whole.
 *
 * @param numberDtype - The dtype of numbers, or `undefined` to go by their values.
 */
export function torchScalarDtype(values: readonly Scalar[], numberDtype: DType | undefined): DType {
  const isFloat = (value: Scalar): boolean =>
    typeof value === 'number' && (numberDtype !== undefined || !Number.isSafeInteger(value));
  const hasFloat = values.some(isFloat);
  if (typeof values[0] === 'number') return numberDtype ?? (hasFloat ? 'float64' : 'int64');
  if (hasFloat) return 'float32';
  return values.every((value) => typeof value === 'boolean') ? 'bool' : 'int64';
}
