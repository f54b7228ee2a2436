// How the values of a page are stored, https://parquet.apache.org/docs/file-format/data-pages/encodings/. Every length is checked
// against the bytes that are there before anything is allocated or read.
import type { DecompressionBudget } from '../tables/decompression-budget.js';
import { utf8Texts } from '../tables/utf8-text.js';
import { readDeltas } from './parquet-deltas.js';
import { readRuns } from './parquet-runs.js';

/** A value as it is stored. */
export type StoredValue = number | bigint | boolean | string | Uint8Array;
/** The k-th value that is not missing. */
export type StoredValues = (k: number) => StoredValue;

/** Which values a column has. */
export interface StoredType {
  readonly type: string;
  /** Bytes of a value of fixed length. */
  readonly typeLength: number | undefined;
  /** Whether its bytes are text, which is given as such. */
  readonly isText: boolean;
}

/** Bytes that hold a page's values. */
export interface EncodedValues extends StoredType {
  readonly bytes: Uint8Array;
  /** How many there are. */
  readonly count: number;
  readonly budget: DecompressionBudget;
}

/**
 * The values of a data page without a dictionary.
 *
 * @throws Error if the bytes do not contain them
 */
export function readValues(encoding: string, values: EncodedValues): StoredValues {
  if (values.count === 0) return () => undefined as never;
  switch (encoding) {
    case 'PLAIN':
      return readPlain(values);
    case 'RLE':
      return readBooleanRuns(values);
    case 'DELTA_BINARY_PACKED':
      return readIntegers(values);
    case 'DELTA_LENGTH_BYTE_ARRAY':
      return readDeltaLengths(values);
    case 'DELTA_BYTE_ARRAY':
      return readDeltaBytes(values);
    case 'BYTE_STREAM_SPLIT':
      return readByteStreams(values);
    default:
      throw new Error(`values have the encoding ${encoding}, which is not supported`);
  }
}

/** Values by dictionary entry. @throws Error if an entry does not exist */
export function readDictionaryIndices({ bytes, count }: EncodedValues, entries: number): Uint32Array {
  const indices = new Uint32Array(count);
  if (count === 0) return indices;
  if (bytes.length === 0) throw new Error('the values of a page are missing');
  const width = bytes[0]!;
  // Of a single entry the index takes no bits, and writers leave the runs out.
  if (width > 0) readRuns(bytes.subarray(1), width, indices);
  for (let k = 0; k < count; k++)
    if (indices[k]! >= entries)
      throw new Error(`a value is entry ${indices[k]} of a dictionary that has ${entries}`);
  return indices;
}

/** PLAIN values: data pages, and every dictionary. */
export function readPlain({ bytes, count, type, typeLength, isText }: EncodedValues): StoredValues {
  switch (type) {
    case 'BOOLEAN':
      need(bytes, Math.ceil(count / 8));
      return (k) => ((bytes[k >> 3]! >> (k & 7)) & 1) === 1;
    case 'BYTE_ARRAY':
      return readByteArrays(bytes, count, isText);
    case 'INT96':
      return fixedLength(bytes, count, 12);
    case 'FIXED_LEN_BYTE_ARRAY':
      return fixedLength(bytes, count, checkedLength(typeLength));
    default:
      return at(typedArray(type, bytes, count));
  }
}

function readByteArrays(bytes: Uint8Array, count: number, isText: boolean): StoredValues {
  need(bytes, 4 * count);
  const starts = new Uint32Array(count + 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = 0;
  for (let k = 0; k < count; k++) {
    starts[k] = end + 4;
    if (bytes.length - end < 4) throw tooShort();
    end += 4 + view.getUint32(end, true);
    if (end > bytes.length) throw tooShort();
  }
  starts[count] = end + 4;
  if (!isText) return (k) => bytes.subarray(starts[k], starts[k + 1]! - 4);
  const text = utf8Texts(bytes);
  return (k) => text(starts[k]!, starts[k + 1]! - 4);
}

function fixedLength(bytes: Uint8Array, count: number, length: number): StoredValues {
  need(bytes, count * length);
  return (k) => bytes.subarray(k * length, (k + 1) * length);
}

function readBooleanRuns({ bytes, count, type }: EncodedValues): StoredValues {
  if (type !== 'BOOLEAN') throw new Error(`values of type ${type} have the encoding RLE`);
  need(bytes, 4);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  need(bytes, 4 + length);
  const bits = new Uint8Array(count);
  readRuns(bytes.subarray(4, 4 + length), 1, bits);
  return (k) => bits[k] === 1;
}

function readIntegers({ bytes, count, type }: EncodedValues): StoredValues {
  if (type === 'INT32') return at(readDeltas(bytes, 0, count, 'INT32').values);
  return at(readDeltas(bytes, 0, count, 'INT64').values);
}

function readDeltaLengths({ bytes, count, budget, isText }: EncodedValues): StoredValues {
  const { values: lengths, end } = readDeltas(bytes, 0, count, 'INT32');
  return pieces(bytes.subarray(end), startsOf(lengths, budget), isText);
}

/** DELTA_BYTE_ARRAY: each value shares a prefix with the one before. */
function readDeltaBytes({ bytes, count, budget, isText }: EncodedValues): StoredValues {
  const prefixes = readDeltas(bytes, 0, count, 'INT32');
  const suffixes = readDeltas(bytes, prefixes.end, count, 'INT32');
  const suffixBytes = bytes.subarray(suffixes.end);
  const suffixStarts = startsOf(suffixes.values, budget);
  need(suffixBytes, suffixStarts[count]!);
  const prefixLengths = prefixes.values;
  const suffixLengths = suffixes.values;
  const starts = new Float64Array(count + 1);
  for (let k = 0; k < count; k++) {
    const before = k === 0 ? 0 : starts[k]! - starts[k - 1]!;
    if (prefixLengths[k]! < 0 || prefixLengths[k]! > before)
      throw new Error('a value repeats more bytes than the value before it has');
    starts[k + 1] = starts[k]! + prefixLengths[k]! + suffixLengths[k]!;
  }
  budget.take(starts[count]!);
  const content = new Uint8Array(starts[count]!);
  for (let k = 0; k < count; k++) {
    const start = starts[k]!;
    if (k > 0) content.copyWithin(start, starts[k - 1]!, starts[k - 1]! + prefixLengths[k]!);
    content.set(suffixBytes.subarray(suffixStarts[k], suffixStarts[k + 1]), start + prefixLengths[k]!);
  }
  return pieces(content, starts, isText);
}

/** Offsets of consecutive values of these lengths, and the end of the last one. */
function startsOf(lengths: Int32Array, budget: DecompressionBudget): Float64Array {
  budget.take(8 * lengths.length);
  const starts = new Float64Array(lengths.length + 1);
  for (let k = 0; k < lengths.length; k++) {
    if (lengths[k]! < 0) throw new Error('a value has a negative length');
    starts[k + 1] = starts[k]! + lengths[k]!;
  }
  return starts;
}

function pieces(bytes: Uint8Array, starts: Float64Array, isText: boolean): StoredValues {
  need(bytes, starts[starts.length - 1]!);
  if (!isText) return (k) => bytes.subarray(starts[k], starts[k + 1]);
  const text = utf8Texts(bytes);
  return (k) => text(starts[k]!, starts[k + 1]!);
}

/** The first byte of every value, then the second of every value, and so on. */
function readByteStreams({ bytes, count, type, typeLength }: EncodedValues): StoredValues {
  const width = type === 'FIXED_LEN_BYTE_ARRAY' ? checkedLength(typeLength) : widthOf(type);
  need(bytes, width * count);
  const content = new Uint8Array(width * count);
  for (let byte = 0; byte < width; byte++)
    for (let k = 0; k < count; k++) content[k * width + byte] = bytes[byte * count + k]!;
  return type === 'FIXED_LEN_BYTE_ARRAY'
    ? fixedLength(content, count, width)
    : at(typedArray(type, content, count));
}

function typedArray(type: string, bytes: Uint8Array, count: number) {
  const width = widthOf(type);
  need(bytes, width * count);
  const isAligned = bytes.byteOffset % width === 0;
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice(0, width * count);
  switch (type) {
    case 'INT32':
      return new Int32Array(buffer, byteOffset, count);
    case 'INT64':
      return new BigInt64Array(buffer, byteOffset, count);
    case 'FLOAT':
      return new Float32Array(buffer, byteOffset, count);
    default:
      return new Float64Array(buffer, byteOffset, count);
  }
}

function widthOf(type: string): number {
  if (type === 'INT32' || type === 'FLOAT') return 4;
  if (type === 'INT64' || type === 'DOUBLE') return 8;
  throw new Error(`values of type ${type} have an encoding that is not for them`);
}

function checkedLength(typeLength: number | undefined): number {
  if (typeLength === undefined || typeLength < 1) throw new Error('values of fixed length have no length');
  return typeLength;
}

function at(values: ArrayLike<number> | BigInt64Array): StoredValues {
  return (k) => values[k]!;
}

function need(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) throw tooShort();
}

function tooShort(): Error {
  return new Error('a page ends before its last value');
}
