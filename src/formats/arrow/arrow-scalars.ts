// Columns of values without parts, https://arrow.apache.org/docs/format/Columnar.html#fixed-size-primitive-layout.

import { checkedDate } from '../tables/checked-date.js';
import { halfFloat } from '../tables/half-float.js';
import { nearestDecimal } from '../tables/nearest-decimal.js';
import { utf8Text } from '../tables/utf8-text.js';
import { parseJson } from '../text/parse-json.js';
import {
  type ArrowColumn,
  type ColumnParts,
  elements,
  type Numbers,
  need,
  offsetsOf,
} from './arrow-column.js';
import type { ArrowType, TimeUnit } from './arrow-schema.js';

const dayMs = 86_400_000;

/** @returns `undefined` for a type with children */
export function scalarColumn(type: ArrowType, parts: ColumnParts): ArrowColumn | undefined {
  const { length, buffers } = parts;
  const [first] = buffers;
  switch (type.kind) {
    case 'null':
      return { length, isMissing: () => true, value: () => null };
    case 'bool':
      need(first, Math.ceil(length / 8));
      return column(parts, (row) => ((first[row >> 3]! >> (row & 7)) & 1) === 1);
    case 'int':
      return numbers(parts, integers(type, first, length));
    case 'float':
      return type.bits === 16
        ? numbers(parts, Float32Array.from(elements(Uint16Array, first, length), halfFloat))
        : numbers(
            parts,
            type.bits === 32 ? elements(Float32Array, first, length) : elements(Float64Array, first, length),
          );
    case 'time':
      return numbers(
        parts,
        type.bits === 32 ? elements(Int32Array, first, length) : elements(BigInt64Array, first, length),
      );
    case 'duration':
      return numbers(parts, elements(BigInt64Array, first, length));
    case 'date': {
      if (type.unit === 'DAY') {
        const days = elements(Int32Array, first, length);
        return column(parts, (row) => checkedDate(days[row]! * dayMs));
      }
      const ms = elements(BigInt64Array, first, length);
      return column(parts, (row) => checkedDate(Number(ms[row]!)));
    }
    case 'timestamp': {
      const times = elements(BigInt64Array, first, length);
      const { unit } = type;
      return column(parts, (row) => checkedDate(milliseconds(times[row]!, unit)));
    }
    case 'decimal':
      return decimals(parts, type);
    case 'interval':
      return intervals(parts, type.unit);
    case 'fixedBytes': {
      const { width } = type;
      need(first, width * length);
      return column(parts, (row) => first.slice(row * width, (row + 1) * width));
    }
    case 'bytes':
    case 'text': {
      const read = readerOf(type);
      return type.layout === 'views' ? views(parts, read) : bytes(parts, read, type.layout === 'large');
    }
    default:
      return undefined;
  }
}

function column({ length, isMissing }: ColumnParts, present: (row: number) => unknown): ArrowColumn {
  return { length, isMissing, value: (row) => (isMissing(row) ? null : present(row)) };
}

function numbers(parts: ColumnParts, values: Numbers): ArrowColumn {
  return { ...column(parts, (row) => values[row]!), numbers: (from, to) => values.slice(from, to) };
}

function decimals(
  parts: ColumnParts,
  { bits, scale }: { readonly bits: number; readonly scale: number },
): ArrowColumn {
  const width = bits / 8;
  const [content] = parts.buffers;
  need(content, width * parts.length);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const unscaled = (at: number): bigint => {
    if (bits === 32) return BigInt(view.getInt32(at, true));
    let value = view.getBigInt64(at + width - 8, true);
    for (let word = width - 16; word >= 0; word -= 8)
      value = (value << 64n) | view.getBigUint64(at + word, true);
    return value;
  };
  return column(parts, (row) => nearestDecimal(unscaled(row * width), scale));
}

function intervals(parts: ColumnParts, unit: 'YEAR_MONTH' | 'DAY_TIME' | 'MONTH_DAY_NANO'): ArrowColumn {
  const words = { YEAR_MONTH: 1, DAY_TIME: 2, MONTH_DAY_NANO: 4 }[unit];
  const values = elements(Int32Array, parts.buffers[0], words * parts.length);
  return column(parts, (row) => {
    if (words > 1) return values.slice(words * row, words * (row + 1));
    return Int32Array.of(Math.trunc(values[row]! / 12), values[row]! % 12);
  });
}

/** Makes a value from bytes, which it must not keep. */
type ReadBytes = (bytes: Uint8Array) => unknown;

function readerOf(type: ArrowType & { readonly kind: 'bytes' | 'text' }): ReadBytes {
  if (type.kind === 'bytes') return (stored) => stored.slice();
  return type.isJson ? (stored) => parseJson(utf8Text(stored)) : utf8Text;
}

function bytes(parts: ColumnParts, read: ReadBytes, isLarge: boolean): ArrowColumn {
  const [first, content = new Uint8Array(0)] = parts.buffers;
  const offsets = offsetsOf(first, parts.length, { isLarge, limit: content.length });
  return column(parts, (row) => read(content.subarray(offsets[row]!, offsets[row + 1]!)));
}

/** Views: values of up to 12 bytes are inline; others refer to a buffer. */
function views(parts: ColumnParts, read: ReadBytes): ArrowColumn {
  const { length } = parts;
  const [first, ...contents] = parts.buffers;
  need(first, 16 * length);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  const bytesOf = (row: number): Uint8Array => {
    const size = view.getInt32(16 * row, true);
    if (size <= 12) {
      if (size < 0) throw new Error('a value has a negative length');
      return first.subarray(16 * row + 4, 16 * row + 4 + size);
    }
    const content = contents[view.getInt32(16 * row + 8, true)];
    const start = view.getInt32(16 * row + 12, true);
    if (!content || start < 0 || start + size > content.length)
      throw new Error('a value lies outside of the buffers of its column');
    return content.subarray(start, start + size);
  };
  return column(parts, (row) => read(bytesOf(row)));
}

/** Integers of any width. */
export function integers(
  { bits, isSigned }: { readonly bits: number; readonly isSigned: boolean },
  buffer: Uint8Array | undefined,
  count: number,
): Numbers {
  switch (bits) {
    case 8:
      return isSigned ? elements(Int8Array, buffer, count) : elements(Uint8Array, buffer, count);
    case 16:
      return isSigned ? elements(Int16Array, buffer, count) : elements(Uint16Array, buffer, count);
    case 32:
      return isSigned ? elements(Int32Array, buffer, count) : elements(Uint32Array, buffer, count);
    default:
      return isSigned ? elements(BigInt64Array, buffer, count) : elements(BigUint64Array, buffer, count);
  }
}

/** Fractions of a millisecond are truncated, as in Parquet. */
function milliseconds(time: bigint, unit: TimeUnit): number {
  switch (unit) {
    case 'SECOND':
      return 1_000 * Number(time);
    case 'MILLISECOND':
      return Number(time);
    case 'MICROSECOND':
      return Number(time / 1_000n);
    default:
      return Number(time / 1_000_000n);
  }
}
