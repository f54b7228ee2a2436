import { type DType, dtypeOf, isBigIntDType, type TypedArray } from './dtype.js';
import type { MillraceError } from './errors.js';

/** Smallest and largest element of each integer dtype. */
const ranges: { readonly [D in DType]?: readonly [number | bigint, number | bigint] } = {
  bool: [0, 1],
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0n, 2n ** 64n - 1n],
};

/**
 * Whether a dtype can represent a value. Integer dtypes represent the integers in their range; a number beyond 2^53
 * may already have been rounded, so it is rejected. Float dtypes must represent integers exactly, may round
 * fractions, and reject finite numbers above their maximum.
 */
export function holds(dtype: DType, value: number | bigint): boolean {
  const range = ranges[dtype];
  if (range) {
    const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
    return isWhole && value >= range[0] && value <= range[1];
  }
  const number = Number(value);
  const element = dtype === 'float32' ? Math.fround(number) : number;
  if (typeof value === 'bigint') return Number.isFinite(element) && BigInt(element) === value;
  return (
    Object.is(element, value) ||
    (!Number.isSafeInteger(value) && Number.isFinite(element) === Number.isFinite(value))
  );
}

/** Whether every value of one dtype is a value of another, so that none needs a check. */
export function holdsAll(dtype: DType, from: DType): boolean {
  if (from === dtype) return true;
  const range = ranges[from];
  return range ? holds(dtype, range[0]) && holds(dtype, range[1]) : dtype.startsWith('float');
}

/**
 * Copies elements into an array of another dtype, which must be able to represent each of them.
 *
 * @param at - Element of `target` that receives the first one.
 * @param refuse - Makes the error for the first element that the dtype cannot represent.
 */
export function copyExactly(
  source: ArrayLike<number | bigint>,
  target: TypedArray,
  dtype: DType,
  at: number,
  refuse: (value: number | bigint, place: number) => MillraceError,
): void {
  const from = dtypeOf(source);
  const isBig = isBigIntDType(dtype);
  if (from && holdsAll(dtype, from) && isBigIntDType(from) === isBig) {
    (target as Int32Array).set(source as Int32Array, at);
    return;
  }
  const range = ranges[dtype];
  if (range && !isBig) {
    const [low, high] = range;
    for (let k = 0; k < source.length; k++) {
      const value = Number(source[k]!);
      if (!(Number.isInteger(value) && value >= low && value <= high)) throw refuse(source[k]!, k);
      target[at + k] = value;
    }
    return;
  }
  for (let k = 0; k < source.length; k++) {
    const value = source[k]!;
    if (!holds(dtype, value)) throw refuse(value, k);
    target[at + k] = isBig ? BigInt(value) : Number(value);
  }
}
