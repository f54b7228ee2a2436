import { bytesPerElement, type DType } from '../../core/dtype.js';
import { ConfigError } from '../../core/errors.js';

/** An integer dtype, in numpy's spelling. */
export type IntegerDType = Exclude<DType, 'float32' | 'float64' | 'bool'>;

const unsigned: readonly IntegerDType[] = ['uint8', 'uint16', 'uint32', 'uint64'];
const signed: readonly IntegerDType[] = ['int8', 'int16', 'int32', 'int64'];

/**
 * The narrowest integer dtype that holds `minimum … maximum`, unsigned unless `minimum` is negative, as DeepSpeed's
 * `find_fit_int_dtype`.
 *
 * @throws {@link ConfigError} if 64 bits are too few, or the bounds are not whole numbers in order.
 */
export function smallestIntegerDtype(minimum: number | bigint, maximum: number | bigint): IntegerDType {
  const low = wholeNumber('minimum', minimum);
  const high = wholeNumber('maximum', maximum);
  const candidates = low < 0n ? signed : unsigned;
  const fitting = candidates.find((dtype) => holds(dtype, low, high));
  if (low <= high && fitting) return fitting;
  const message = low > high ? `is below minimum (${low})` : `with minimum ${low} does not fit in 64 bits`;
  throw new ConfigError('smallestIntegerDtype', [{ field: 'maximum', message: `${high} ${message}` }]);
}

function wholeNumber(field: string, value: number | bigint): bigint {
  if (typeof value === 'bigint' || Number.isInteger(value)) return BigInt(value);
  throw new ConfigError('smallestIntegerDtype', [{ field, message: `${value} is not a whole number` }]);
}

function holds(dtype: IntegerDType, low: bigint, high: bigint): boolean {
  const bits = 8 * bytesPerElement(dtype);
  return dtype.startsWith('u')
    ? high < 1n << BigInt(bits)
    : low >= -(1n << BigInt(bits - 1)) && high < 1n << BigInt(bits - 1);
}

/** Whether a dtype holds whole numbers only. */
export function isIntegerDType(dtype: DType): dtype is IntegerDType {
  return /^u?int/.test(dtype);
}
