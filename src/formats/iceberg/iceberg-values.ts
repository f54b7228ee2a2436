// Values in metadata, made into those that the Parquet reader gives for the same type.
import { FormatError } from '../../core/errors.js';
import { bigEndian, uuidText } from '../parquet/parquet-values.js';
import { checkedDate } from '../tables/checked-date.js';
import { nearestDecimal } from '../tables/nearest-decimal.js';
import type { TableField } from '../tables/table-schema.js';

const dayMs = 86_400_000;

/** A partition value, which a manifest stores as Avro does. @throws {@link FormatError} */
export function partitionValue(table: string, { name, type }: TableField, stored: unknown): unknown {
  if (stored === null || stored === undefined) return null;
  const value = valueOfAvro(type, stored);
  if (value !== undefined) return value;
  throw new FormatError(`The partition column ${name} of the Iceberg table has a value that is not read`, {
    where: { table, column: name, type },
    next: 'Write a copy of the table that is partitioned by a column of another type.',
  });
}

/** A value as Avro gives it; `undefined` if it does not have the type. */
export function valueOfAvro(type: string, stored: unknown): unknown {
  if (typeof stored === 'number' || typeof stored === 'bigint') {
    if (type === 'date') return checkedDate(Number(stored) * dayMs);
    if (/^timestamp(tz)?$/.test(type)) return checkedDate(Number(BigInt(stored) / 1_000n));
    if (/^timestamp(tz)?_ns$/.test(type)) return checkedDate(Number(BigInt(stored) / 1_000_000n));
    if (type === 'long' || type === 'time') return BigInt(stored);
    return /^(int|float|double)$/.test(type) ? Number(stored) : undefined;
  }
  if (stored instanceof Uint8Array) {
    if (type === 'uuid') return uuidText(stored);
    const scale = /^decimal\(\s*\d+\s*,\s*(\d+)\s*\)$/.exec(type)?.[1];
    if (scale !== undefined) return nearestDecimal(bigEndian(stored), Number(scale));
    return /^(fixed|binary)/.test(type) ? new Uint8Array(stored) : undefined;
  }
  if (type === 'string' || type === 'uuid') return typeof stored === 'string' ? stored : undefined;
  return type === 'boolean' && typeof stored === 'boolean' ? stored : undefined;
}

/**
 * A bound of values; `undefined` if it says nothing. https://iceberg.apache.org/spec/#binary-single-value-serialization
 */
export function valueOfBytes(type: string, stored: unknown): unknown {
  if (!(stored instanceof Uint8Array)) return undefined;
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  try {
    if (type === 'string') return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(stored);
    if (type === 'boolean') return stored.length === 1 ? stored[0] !== 0 : undefined;
    if (type.startsWith('decimal')) return stored.length > 0 ? valueOfAvro(type, stored) : undefined;
    // A column that was promoted has bounds of 4 bytes in older files.
    const isShort = stored.length === 4;
    if (!isShort && stored.length !== 8) return undefined;
    if (type === 'float' || type === 'double')
      return isShort ? view.getFloat32(0, true) : view.getFloat64(0, true);
    if (type === 'int' || type === 'date')
      return isShort ? valueOfAvro(type, view.getInt32(0, true)) : undefined;
    if (type === 'long') return isShort ? BigInt(view.getInt32(0, true)) : view.getBigInt64(0, true);
    return isShort || !/^time/.test(type) ? undefined : valueOfAvro(type, view.getBigInt64(0, true));
  } catch {
    // Text that is cut within a character, or a time that a Date cannot hold.
    return undefined;
  }
}

/**
 * The value of a column in files that were written before it was added, from JSON.
 * https://iceberg.apache.org/spec/#json-single-value-serialization
 *
 * @throws {@link FormatError} for a type that is not read
 */
export function initialValue(table: string, { name, type, nested }: TableField, json: unknown): unknown {
  // The default of an object says only that there is one: its fields have defaults of their own.
  const value =
    nested?.kind === 'struct'
      ? Object.fromEntries(nested.fields.map((field) => [field.name, field.initial ?? null]))
      : nested
        ? undefined
        : valueOfJson(type, json);
  if (value !== undefined && !(value instanceof Date && Number.isNaN(value.getTime()))) return value;
  throw new FormatError(`The column ${name} of the Iceberg table has a default value that is not read`, {
    where: { table, column: name, type },
    next: 'Leave the default out, or rewrite the files of the table.',
  });
}

function valueOfJson(type: string, json: unknown): unknown {
  if (type === 'boolean') return typeof json === 'boolean' ? json : undefined;
  if (typeof json === 'number' || typeof json === 'bigint') {
    if (type === 'long') return BigInt(json);
    return /^(int|float|double)$/.test(type) ? Number(json) : undefined;
  }
  if (typeof json !== 'string') return undefined;
  if (type === 'string' || type === 'uuid') return json;
  if (type === 'date') return new Date(`${json}T00:00:00Z`);
  // A Date has milliseconds.
  if (type.startsWith('timestamp'))
    return new Date(`${json.replace(/([+-]00:00|Z)$/, '').replace(/(\.\d{3})\d+$/, '$1')}Z`);
  if (type.startsWith('decimal')) return Number(json);
  if (type === 'time') return microsOf(json);
  return /^(fixed|binary)/.test(type) ? new Uint8Array(Buffer.from(json, 'hex')) : undefined;
}

function microsOf(time: string): bigint | undefined {
  const [found, hours, minutes, seconds = '0', fraction = ''] =
    /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/.exec(time) ?? [];
  if (found === undefined) return undefined;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}
