import { unrepresentable } from './collate-error.js';
import type { Allocate } from './dataset.js';
import { type DType, isBigIntDType } from './dtype.js';
import { holds } from './exact-elements.js';
import type { Tensor } from './tensor.js';

/** A value that becomes one element of a tensor. */
export type Scalar = number | bigint | boolean;

/** How a column of scalars becomes a tensor. */
export interface ScalarColumn {
  readonly dtype: DType;
  readonly path: string;
  readonly allocate: Allocate;
  readonly parity: boolean;
}

/**
 * Makes a tensor of shape `[B]`, one value per sample.
 *
 * @throws {@link CollateError} if the dtype cannot represent a value: see {@link holds}. With `parity`, floats also
 *   round integers, as in PyTorch.
 */
export function scalarTensor(
  values: readonly Scalar[],
  { dtype, path, allocate, parity }: ScalarColumn,
): Tensor {
  const batch = allocate(dtype, [values.length]);
  const isBig = isBigIntDType(dtype);
  const rounds = parity && dtype.startsWith('float');
  // An element that reads back as the number is exact. Every number from 0 to 255 reads back from a bool's byte.
  const readsBack = !isBig && dtype !== 'bool';
  const elements = batch.data as Float64Array;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (readsBack && typeof value === 'number') {
      elements[i] = value;
      if (elements[i] === value) continue;
    }
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (!rounds && !holds(dtype, number)) throw unrepresentable(path, i, value, dtype, adviceFor(number));
    batch.data[i] = isBig ? BigInt(number) : Number(number);
  }
  return batch;
}

/** The advice for a value that a batch of numbers cannot represent. */
function adviceFor(value: number | bigint): string {
  const choices = (['int32', 'int64', 'float64'] as const).filter((dtype) => holds(dtype, value));
  const dtypes = choices.map((dtype) => `'${dtype}'`).join(' or ');
  return choices.length > 0
    ? `Pass numberDtype: ${dtypes}, or convert the value in a transform.`
    : 'Convert the value in a transform, or pass it as a bigint or a string.';
}

/**
 * The dtype that `torch.tensor` gives a column: int64 for integers, float64 for floats, bool, and float32 if a float
 * follows an integer. A `bigint` is an integer. A number is a float if the caller sets the dtype of numbers;
 * otherwise it is an integer if the whole column consists of integers.
 *
 * @param numberDtype - The dtype of numbers, or `undefined` to derive it from their values.
 */
export function torchScalarDtype(values: readonly Scalar[], numberDtype: DType | undefined): DType {
  const isFloat = (value: Scalar): boolean =>
    typeof value === 'number' && (numberDtype !== undefined || !Number.isSafeInteger(value));
  const hasFloat = values.some(isFloat);
  if (typeof values[0] === 'number') return numberDtype ?? (hasFloat ? 'float64' : 'int64');
  if (hasFloat) return 'float32';
  return values.every((value) => typeof value === 'boolean') ? 'bool' : 'int64';
}
