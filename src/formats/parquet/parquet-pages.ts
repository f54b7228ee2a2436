// Pages of a column chunk, https://parquet.apache.org/docs/file-format/data-pages/. hyparquet checks neither checksums nor sizes and
// takes the counts of a header for true; here nothing is decoded before it is checked.

import { readThrift, type ThriftStruct } from './compact-thrift.js';
import { crc32 } from './crc32.js';

/** The header of a page. */
export interface PageHeader {
  readonly kind: 'data' | 'data v2' | 'dictionary' | 'other';
  readonly storedBytes: number;
  readonly contentBytes: number;
  readonly encoding: string;
  /** Number of values, missing ones included, or of entries of a dictionary. */
  readonly count: number;
  /** For a data page of version 2. */
  readonly levels?: {
    readonly repetitionBytes: number;
    readonly definitionBytes: number;
    readonly isCompressed: boolean;
  };
  /** Whether levels are BIT_PACKED, an encoding that Parquet deprecated in 2013. */
  readonly bitPacked: { readonly definitions: boolean; readonly repetitions: boolean };
}

export interface Page {
  readonly header: PageHeader;
  readonly stored: Uint8Array;
  /** End offset of the page. */
  readonly end: number;
}

const kinds = ['data', 'other', 'dictionary', 'data v2'] as const;
const encodings = [
  'PLAIN',
  'GROUP_VAR_INT',
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
];

const none = { definitions: false, repetitions: false };

/** A page continues beyond the bytes that were read. */
export class PageTooLong extends Error {}

/**
 * Reads the page at an offset and verifies its checksum, if it has one.
 *
 * @throws PageTooLong if the page is longer than the bytes; Error if it is damaged
 */
export function readPage(bytes: Uint8Array, start: number): Page {
  let read: { readonly value: ThriftStruct; readonly end: number };
  try {
    read = readThrift(bytes, start);
  } catch (cause) {
    if (cause instanceof RangeError) throw new PageTooLong('the header of a page is cut short', { cause });
    throw cause;
  }
  const header = headerOf(read.value);
  const end = read.end + header.storedBytes;
  if (end > bytes.length) throw new PageTooLong('a page is longer than what there is of its column');
  const stored = bytes.subarray(read.end, end);
  const crc = read.value.get(4);
  if (typeof crc === 'number' && crc32(stored) !== crc >>> 0)
    throw new Error('the checksum of a page is not that of its bytes');
  return { header, stored, end };
}

function headerOf(fields: ThriftStruct): PageHeader {
  const kind = kinds[number(fields, 1)] ?? 'other';
  const contentBytes = number(fields, 2);
  const storedBytes = number(fields, 3);
  if (kind === 'other') return { kind, storedBytes, contentBytes, encoding: '', count: 0, bitPacked: none };
  const detail = fields.get(kind === 'data' ? 5 : kind === 'dictionary' ? 7 : 8);
  if (!(detail instanceof Map)) throw new Error('the header of a page is damaged');
  const count = number(detail, 1);
  const encoding = encodings[number(detail, kind === 'data v2' ? 4 : 2)] ?? 'unknown';
  if (kind !== 'data v2') {
    const isBitPacked = (id: number) => kind === 'data' && number(detail, id) === 4;
    const bitPacked = { definitions: isBitPacked(3), repetitions: isBitPacked(4) };
    return { kind, storedBytes, contentBytes, encoding, count, bitPacked };
  }
  const definitionBytes = number(detail, 5);
  const repetitionBytes = number(detail, 6);
  if (definitionBytes + repetitionBytes > Math.min(storedBytes, contentBytes))
    throw new Error('the levels of a page are longer than it is');
  const levels = { repetitionBytes, definitionBytes, isCompressed: detail.get(7) !== false };
  return { kind, storedBytes, contentBytes, encoding, count, levels, bitPacked: none };
}

function number(fields: ThriftStruct, id: number): number {
  const value = fields.get(id);
  if (typeof value !== 'number' || value < 0) throw new Error('the header of a page is damaged');
  return value;
}
