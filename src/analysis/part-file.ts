import { crc32 } from 'node:zlib';
import { FormatError } from '../core/errors.js';
import type { SamplesByValue } from '../core/sort-by-value.js';
import type { ByteSource } from '../storage/byte-source.js';

// One metric of one range of samples, sorted, little endian:
//     0  magic     float64  "MRPART01" read as a float64
//     8  samples   float64  n
//    16  rows      float64  K
//    24  smallest  float64
//    32  largest   float64
//    40  whole     float64  1 if all values are integers
//    48  CRC-32    float64  of everything after the header
//    56  CRC-32    float64  of the header before this field; 0 in parts of earlier versions
//    64  values    float64  K distinct values, ascending
//        ids       uint32   n, counted from the start of the range: ascending in value, then in id
//        counts    uint32   K: how many samples have each value
const headerBytes = 64;
const headerCrcOffset = 56;
const magic = new Float64Array(new TextEncoder().encode('MRPART01').buffer)[0]!;

/** Header of a part. */
export interface PartHeader {
  readonly samples: number;
  readonly rows: number;
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
  readonly checksum: number;
}

/** Byte offsets of the sections of a part. */
export function partSections({ samples, rows }: Pick<PartHeader, 'samples' | 'rows'>) {
  const ids = headerBytes + 8 * rows;
  const counts = ids + 4 * samples;
  return { values: headerBytes, ids, counts, byteLength: counts + 4 * rows };
}

/** @param sorted - Its ids count from the start of the range. */
export function encodePart({ distinct, counts, ids }: SamplesByValue): Uint8Array {
  const at = partSections({ samples: ids.length, rows: distinct.length });
  const bytes = new Uint8Array(at.byteLength);
  new Float64Array(bytes.buffer, at.values, distinct.length).set(distinct);
  new Uint32Array(bytes.buffer, at.ids, ids.length).set(ids);
  new Uint32Array(bytes.buffer, at.counts, counts.length).set(counts);
  const isWhole = distinct.every(Number.isSafeInteger) ? 1 : 0;
  const checksum = crc32(bytes.subarray(headerBytes));
  new Float64Array(bytes.buffer, 0, 7).set([
    magic,
    ids.length,
    distinct.length,
    distinct[0]!,
    distinct[distinct.length - 1]!,
    isWhole,
    checksum,
  ]);
  new Float64Array(bytes.buffer, headerCrcOffset, 1)[0] = crc32(bytes.subarray(0, headerCrcOffset));
  return bytes;
}

/** Reads the header of a part, and checks its length. @throws {@link FormatError} if either is wrong. */
export async function readPartHeader(source: ByteSource, samples: number): Promise<PartHeader> {
  if (source.byteLength < headerBytes) throw damagedPart(source, 'it is truncated');
  const bytes = await source.read(0, headerBytes);
  const fields = new Float64Array(bytes.buffer, 0, 8);
  const [found, count = 0, rows = 0, min = 0, max = 0, isWhole, checksum = 0, headerCrc] = fields;
  const header = {
    samples: count,
    rows,
    min,
    max,
    isWhole: isWhole === 1,
    checksum,
  };
  if (found !== magic || count !== samples)
    throw damagedPart(source, 'its header is not that of a part of this range');
  if (headerCrc !== 0 && headerCrc !== crc32(bytes.subarray(0, headerCrcOffset)))
    throw damagedPart(source, 'the checksum of its header does not match');
  if (source.byteLength !== partSections(header).byteLength) throw damagedPart(source, 'it is truncated');
  return header;
}

/** The sections of a part. */
export interface PartContent {
  readonly distinct: Float64Array;
  /** Ids, counted from the start of the range. */
  readonly ids: Uint32Array;
  readonly counts: Uint32Array;
}

/** Reads a whole part and compares its checksum. @throws {@link FormatError} if it differs. */
export async function readPart(source: ByteSource, samples: number): Promise<PartContent> {
  const header = await readPartHeader(source, samples);
  const bytes = await source.read(0, source.byteLength);
  if (crc32(bytes.subarray(headerBytes)) !== header.checksum)
    throw damagedPart(source, 'its checksum does not match');
  const at = partSections(header);
  return {
    distinct: new Float64Array(bytes.buffer, at.values, header.rows),
    ids: new Uint32Array(bytes.buffer, at.ids, header.samples),
    counts: new Uint32Array(bytes.buffer, at.counts, header.rows),
  };
}

/** The error for a damaged part. */
export function damagedPart({ name }: ByteSource, why: string): FormatError {
  return new FormatError(`A part of the analysis is damaged: ${why}`, {
    where: { file: name },
    next: 'Run the analysis again: it measures this part once more.',
  });
}
