import { crc32 } from 'node:zlib';
import { bytesPerElement, type DType } from '../core/dtype.js';
import { FormatError } from '../core/errors.js';
import { truncated } from '../storage/truncated.js';

// A difficulty file, little endian throughout; every section begins at a multiple of 8:
//     0  header, 256 bytes
//   256  order   n ids, uint32, or float64 above 2^32 samples: ascending in value, then in id
//        values  n values by id, of the narrowest dtype that holds all of them exactly
//        rows    K pairs of float64: a distinct value, ascending, and how many samples have it or a smaller one
//
// The header:
//     0  magic            8 bytes   MRDIFF 0D 0A
//     8  version          uint32    1
//    12  header CRC-32    uint32    of these 256 bytes with 0 here
//    16  samples          float64   n
//    24  rows             float64   K
//    32  smallest value   float64
//    40  largest value    float64
//    48  scale            float64   values are multiples of 1/scale of the metric's unit, times scale; 0: as measured
//    56  order code       uint32    code of the dtype of the ids
//    60  values code      uint32    code of the dtype of the values
//    64  order CRC-32     uint32    of the bytes of the section, without padding
//    68  values CRC-32    uint32
//    72  rows CRC-32      uint32
//    76  zero             uint32
//    80  dataset          32 bytes  fingerprint of the dataset in ASCII, zeros behind it
//   112  metric           144 bytes name of the metric in UTF-8, zeros behind it
export const headerBytes = 256;
const magic = 'MRDIFF\r\n';
const version = 1;
const datasetOffset = 80;
const metricOffset = 112;

/** Dtypes by code. */
const dtypes = ['uint8', 'uint16', 'uint32', 'int8', 'int16', 'int32', 'float32', 'float64'] as const;

/** Dtypes of the values and ids of a difficulty file. */
export type DifficultyDType = (typeof dtypes)[number];

/** Header of a difficulty file. */
export interface DifficultyHeader {
  /** Name of the metric, at most 144 bytes of UTF-8. */
  readonly metric: string;
  /** Fingerprint of the dataset. */
  readonly dataset: string;
  readonly samples: number;
  /** Number of distinct values. */
  readonly rows: number;
  readonly min: number;
  readonly max: number;
  /** Factor by which measured values were multiplied before rounding; 0 if they were stored as measured. */
  readonly scale: number;
  readonly valueDtype: DifficultyDType;
  readonly checksums: { readonly order: number; readonly values: number; readonly rows: number };
}

/** Byte offsets of the sections of a file. */
export interface DifficultySections {
  readonly orderDtype: 'uint32' | 'float64';
  readonly order: number;
  readonly values: number;
  readonly rows: number;
  readonly byteLength: number;
}

export function sectionsOf(samples: number, rows: number, valueDtype: DType): DifficultySections {
  const orderDtype = samples <= 2 ** 32 ? 'uint32' : 'float64';
  const values = padded(headerBytes + samples * bytesPerElement(orderDtype));
  const rowsAt = padded(values + samples * bytesPerElement(valueDtype));
  return { orderDtype, order: headerBytes, values, rows: rowsAt, byteLength: rowsAt + 16 * rows };
}

/** The narrowest dtype that holds every integer from `min` to `max`; float64 for values that are not integers. */
export function valueDtypeOf(min: number, max: number, isWhole: boolean): DifficultyDType {
  if (!isWhole) return 'float64';
  const fits = (low: number, high: number): boolean => min >= low && max <= high;
  for (const bits of [8, 16, 32] as const) {
    if (fits(0, 2 ** bits - 1)) return `uint${bits}`;
    if (fits(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)) return `int${bits}`;
  }
  return 'float64';
}

export function encodeDifficultyHeader(header: DifficultyHeader): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  const text = new TextEncoder();
  const { samples, rows, min, max, scale, valueDtype, checksums } = header;
  text.encodeInto(magic, bytes);
  view.setUint32(8, version, true);
  for (const [i, number] of [samples, rows, min, max, scale].entries())
    view.setFloat64(16 + 8 * i, number, true);
  const { orderDtype } = sectionsOf(samples, rows, valueDtype);
  const words = [
    dtypes.indexOf(orderDtype),
    dtypes.indexOf(valueDtype),
    checksums.order,
    checksums.values,
    checksums.rows,
  ];
  for (const [i, word] of words.entries()) view.setUint32(56 + 4 * i, word, true);
  text.encodeInto(header.dataset, bytes.subarray(datasetOffset, metricOffset));
  text.encodeInto(header.metric, bytes.subarray(metricOffset));
  view.setUint32(12, crc32(bytes), true);
  return bytes;
}

/**
 * @param bytes - The first 256 bytes of the file.
 * @throws {@link FormatError} for another format or version or a damaged header, {@link TruncatedFileError}.
 */
export function decodeDifficultyHeader(
  bytes: Uint8Array,
  byteLength: number,
  file: string,
): DifficultyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  const start = text.decode(bytes.subarray(0, 8));
  if (start !== magic) throw refused(file, `begins with ${JSON.stringify(start)}`);
  const found = view.getUint32(8, true);
  if (found !== version)
    throw refused(file, `has version ${found}, and this version reads version ${version}`);
  const blank = bytes.slice();
  blank.fill(0, 12, 16);
  if (crc32(blank) !== view.getUint32(12, true)) throw refused(file, 'has a damaged header');
  const number = (field: number): number => view.getFloat64(16 + 8 * field, true);
  const word = (field: number): number => view.getUint32(56 + 4 * field, true);
  const name = (from: number, to: number): string =>
    text.decode(bytes.subarray(from, to)).replace(/\0+$/, '');
  const header: DifficultyHeader = {
    samples: number(0),
    rows: number(1),
    min: number(2),
    max: number(3),
    scale: number(4),
    valueDtype: dtypes[word(1)]!,
    checksums: { order: word(2), values: word(3), rows: word(4) },
    dataset: name(datasetOffset, metricOffset),
    metric: name(metricOffset, headerBytes),
  };
  const { samples, rows, valueDtype } = header;
  const isCount = (count: number) => Number.isSafeInteger(count) && count >= 0;
  if (!isCount(samples) || !isCount(rows) || valueDtype === undefined)
    throw refused(file, 'has a damaged header');
  const expected = sectionsOf(samples, rows, valueDtype).byteLength;
  if (expected > byteLength) throw truncated(file, 0, expected, byteLength);
  return header;
}

function refused(file: string, what: string): FormatError {
  return new FormatError(`The file is not a difficulty index that this version can read: it ${what}`, {
    where: { file, byteOffset: 0 },
    next: 'Pass a .difficulty file that millrace analyze wrote, or analyze the dataset again.',
  });
}

function padded(offset: number): number {
  return 8 * Math.ceil(offset / 8);
}
