// Conversion of stored values to sample values, https://parquet.apache.org/docs/file-format/types/logicaltypes/.
import type { SchemaElement } from 'hyparquet';
import { checkedDate } from '../tables/checked-date.js';
import { halfFloat } from '../tables/half-float.js';
import { nearestDecimal } from '../tables/nearest-decimal.js';
import { utf8Text } from '../tables/utf8-text.js';
import { parseJson } from '../text/parse-json.js';

/** Converts values of a leaf to values of samples. */
export interface Conversion {
  /** `undefined` if stored values are used unchanged. */
  readonly convert: ((stored: never) => unknown) | undefined;
  /** Whether samples can share the result: it is a string or number. */
  readonly isShared: boolean;
  /** Whether the bytes are text. */
  readonly isText: boolean;
}

const shared = <T>(convert: (stored: T) => unknown): Conversion => ({
  convert,
  isShared: true,
  isText: false,
});
const own = <T>(convert: (stored: T) => unknown): Conversion => ({
  convert,
  isShared: false,
  isText: false,
});
const dayMs = 86_400_000;
/** The Julian day of 1970-01-01, the epoch of 96-bit timestamps. */
const julianEpoch = 2_440_588n;

/** @throws Error for an unsupported type */
export function conversionOf(element: SchemaElement): Conversion {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (type === undefined) throw new Error(`the column ${element.name} has no type`);
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return decimal(element);
  if (converted === 'UTF8' || logical?.type === 'STRING')
    return type === 'BYTE_ARRAY' ? { convert: undefined, isShared: true, isText: true } : shared(utf8Text);
  if (converted === 'DATE' || logical?.type === 'DATE')
    return own((days: number) => checkedDate(days * dayMs));
  if (type === 'INT96') return own(int96Date);
  if (type === 'INT64') {
    const unit = logical?.type === 'TIMESTAMP' ? logical.unit : undefined;
    // Fractions of a millisecond are truncated.
    if (unit === 'NANOS') return own((nanos: bigint) => checkedDate(Number(nanos / 1_000_000n)));
    if (unit === 'MICROS' || converted === 'TIMESTAMP_MICROS')
      return own((micros: bigint) => checkedDate(Number(micros / 1_000n)));
    if (unit === 'MILLIS' || converted === 'TIMESTAMP_MILLIS')
      return own((millis: bigint) => checkedDate(Number(millis)));
  }
  if (converted === 'JSON' || logical?.type === 'JSON')
    return own((bytes: Uint8Array) => parseJson(utf8Text(bytes)));
  if (logical?.type === 'UUID') return shared(uuidText);
  if (logical?.type === 'FLOAT16')
    return shared((bytes: Uint8Array) => halfFloat(bytes[0]! | (bytes[1]! << 8)));
  const isUnsigned = (bits: number) =>
    converted === `UINT_${bits}` ||
    (logical?.type === 'INTEGER' && logical.bitWidth === bits && !logical.isSigned);
  if (type === 'INT64' && isUnsigned(64)) return shared((value: bigint) => BigInt.asUintN(64, value));
  if (type === 'INT32' && isUnsigned(32)) return shared((value: number) => value >>> 0);
  // Bytes, WKB geometry, intervals and BSON too are copied, since pages are cached.
  if (type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY')
    return own((bytes: Uint8Array) => bytes.slice());
  return { convert: undefined, isShared: true, isText: false };
}

function decimal({ type, scale: own, logical_type: logical }: SchemaElement): Conversion {
  const scale = own ?? (logical?.type === 'DECIMAL' ? logical.scale : 0);
  if (type === 'INT32' || type === 'INT64')
    return shared((unscaled: number | bigint) => nearestDecimal(unscaled, scale));
  return shared((bytes: Uint8Array) => nearestDecimal(bigEndian(bytes), scale));
}

/** A big-endian integer in two's complement. */
export function bigEndian(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const value = BigInt(`0x${hex}`);
  return bytes[0]! < 0x80 ? value : value - (1n << BigInt(8 * bytes.length));
}

function int96Date(bytes: Uint8Array): Date {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const days = BigInt(view.getUint32(8, true)) - julianEpoch;
  return checkedDate(Number((days * 86_400_000_000_000n + view.getBigInt64(0, true)) / 1_000_000n));
}

export function uuidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
