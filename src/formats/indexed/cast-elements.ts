import {
  bytesPerElement,
  type DType,
  dtypeOf,
  isBigIntDType,
  isTypedArray,
  type TypedArray,
  viewOf,
  zeros,
} from '../../core/dtype.js';
import { FormatError } from '../../core/errors.js';
import { int64Words } from './int64-array.js';
import { isIntegerDType } from './integer-dtype.js';

/** Numbers in any array-like form. */
export type Elements = TypedArray | readonly number[] | readonly bigint[];

/**
 * Converts elements to a typed array of `dtype` like numpy's `astype`: values that do not fit wrap, and fractions are
 * truncated. Elements of that dtype are returned without a copy.
 *
 * @throws {@link FormatError} if NaN or an infinity would become an integer.
 */
export function castElements(elements: Elements, dtype: DType): TypedArray {
  const from = dtypeOf(elements);
  if (isTypedArray(elements) && from === dtype) return elements;
  if (areBigInts(elements)) return castBigInts(elements, dtype);
  if (isIntegerDType(dtype) && !(from && isIntegerDType(from))) checkFinite(elements, dtype);
  if (isBigIntDType(dtype)) return viewOf(dtype, int64Words(elements).buffer, 0, elements.length);
  const out = zeros(dtype, elements.length);
  out.set(elements);
  return out;
}

function areBigInts(elements: Elements): elements is BigInt64Array | BigUint64Array | readonly bigint[] {
  const dtype = dtypeOf(elements);
  return dtype ? isBigIntDType(dtype) : typeof elements[0] === 'bigint';
}

/**
 * Checks that {@link castElements} changes no value.
 *
 * @throws {@link FormatError} for the first element that does not fit the dtype.
 */
export function checkFit(elements: Elements, dtype: DType): void {
  const from = dtypeOf(elements);
  if (from === dtype || elements.length === 0) return;
  const isInteger = isIntegerDType(dtype);
  if (!isInteger && from && !isIntegerDType(from)) return;
  const bits = 8 * bytesPerElement(dtype);
  const isSigned = !dtype.startsWith('u');
  const low = isSigned ? -(2 ** (bits - 1)) : 0;
  const end = isSigned ? 2 ** (bits - 1) : 2 ** bits;
  const fits = (element: number | bigint): boolean => {
    if (isInteger)
      return element >= low && element < end && (typeof element === 'bigint' || Number.isInteger(element));
    if (typeof element === 'number' && !Number.isInteger(element)) return true;
    const stored = dtype === 'float32' ? Math.fround(Number(element)) : Number(element);
    return Number.isFinite(stored) && BigInt(stored) === BigInt(element);
  };
  for (let k = 0; k < elements.length; k++) {
    if (fits(elements[k]!)) continue;
    throw new FormatError(`${elements[k]} does not fit in ${dtype}`, {
      where: { element: k, dtype },
      next: 'Store the items as a wider dtype. With parity it is wrapped round, as numpy does.',
    });
  }
}

function castBigInts(elements: ArrayLike<bigint>, dtype: DType): TypedArray {
  const out = zeros(dtype, elements.length);
  if (isBigIntDType(dtype)) for (let i = 0; i < elements.length; i++) out[i] = elements[i]!;
  else if (!isIntegerDType(dtype)) for (let i = 0; i < elements.length; i++) out[i] = Number(elements[i]!);
  // The low 32 bits are exact as a number; narrower integers are their low bits.
  else for (let i = 0; i < elements.length; i++) out[i] = Number(BigInt.asUintN(32, elements[i]!));
  return out;
}

function checkFinite(numbers: ArrayLike<number>, dtype: DType): void {
  for (let i = 0; i < numbers.length; i++) {
    if (Number.isFinite(numbers[i])) continue;
    throw new FormatError(`${numbers[i]} cannot be stored as ${dtype}`, {
      where: { element: i, dtype },
      next: 'Replace it first; only finite numbers have an integer.',
    });
  }
}
