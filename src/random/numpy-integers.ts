import type { DType } from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import { toBigInt } from './integer-words.js';
import { lemire32, lemire64, narrowDraws } from './numpy-bounded.js';
import type { Pcg64 } from './pcg64.js';

/** A dtype that `integers` can draw. */
export type NumpyIntegerDType = Exclude<DType, 'float32' | 'float64'>;

/** Width and signedness of each dtype. */
const formats = {
  bool: { bits: 1, signed: false },
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int32: { bits: 32, signed: true },
  uint32: { bits: 32, signed: false },
  int64: { bits: 64, signed: true },
  uint64: { bits: 64, signed: false },
} as const satisfies {
  readonly [D in NumpyIntegerDType]: { readonly bits: number; readonly signed: boolean };
};

/** The names of the dtypes. */
export const integerDTypes = Object.keys(formats) as readonly NumpyIntegerDType[];

/** A range of values: `low … low + max`. */
export interface IntegerRange {
  readonly low: bigint;
  readonly max: bigint;
}

/** @throws {@link ConfigError} if the bounds are not integers, in the wrong order, or outside the dtype */
export function integerRange(
  low: number | bigint,
  high: number | bigint,
  dtype: NumpyIntegerDType,
  endpoint: boolean,
): IntegerRange {
  const subject = 'NumpyGenerator.integers';
  const first = toBigInt(subject, 'low', low);
  const last = toBigInt(subject, 'high', high) - (endpoint ? 0n : 1n);
  const { bits, signed } = formats[dtype];
  const smallest = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const largest = smallest + (1n << BigInt(bits)) - 1n;
  if (first < smallest)
    throw new ConfigError(subject, [
      { field: 'low', message: `must be at least ${smallest}, the minimum of ${dtype}, not ${low}` },
    ]);
  if (last > largest)
    throw new ConfigError(subject, [
      { field: 'high', message: `must not exceed the maximum of ${dtype}, ${largest}, but includes ${last}` },
    ]);
  if (first > last)
    throw new ConfigError(subject, [{ field: 'high', message: `must be above low (${low}), not ${high}` }]);
  return { low: first, max: last - first };
}

/** Draws from `0 … max` as numpy does for a dtype, for `max` up to 2^32 - 1. */
export function smallIntegerDraws(engine: Pcg64, dtype: NumpyIntegerDType, max: number): () => number {
  const { bits } = formats[dtype];
  return bits !== 32 && bits !== 64 ? narrowDraws(engine, bits, max) : () => lemire32(engine, max);
}

/** Draws from a range of up to 64 bits. */
export function wideIntegerDraws(engine: Pcg64, { low, max }: IntegerRange): () => bigint {
  return () => low + lemire64(engine, max);
}
