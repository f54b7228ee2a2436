// Messages of Arrow's IPC, https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc.
import { FlatTable } from './flat-buffer.js';

export type Codec = 'lz4' | 'zstd';

/** A record batch, as the message lists it: all sizes are within its body. */
export interface BatchHeader {
  readonly rows: number;
  /** Number of values and missing values of each column and each child, outermost first. */
  readonly nodes: readonly { readonly length: number; readonly missing: number }[];
  /** Byte range of each buffer in the body. */
  readonly buffers: readonly { readonly start: number; readonly end: number }[];
  readonly codec: Codec | undefined;
  /** Number of data buffers of each column of views. */
  readonly variadicCounts: readonly number[];
}

export type Message = {
  /** Start and end offset of the body. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Before version 5, unions had a validity buffer. */
  readonly hasUnionValidity: boolean;
} & (
  | { readonly kind: 'schema'; readonly schema: FlatTable }
  | { readonly kind: 'batch'; readonly batch: BatchHeader }
  | {
      readonly kind: 'dictionary';
      readonly id: bigint;
      readonly isDelta: boolean;
      readonly batch: BatchHeader;
    }
);

const continuation = 0xffff_ffff;
/** The version that Arrow 0.8 to 0.14 wrote. */
const version4 = 3;

/**
 * Reads the message at an offset; its body may lie beyond the given bytes.
 *
 * @returns `undefined` at the end marker of a stream
 * @throws Error if it is damaged
 */
export function readMessage(bytes: Uint8Array, start: number): Message | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  let length = view.getUint32(at, true);
  at += 4;
  // Before Arrow 0.15, the message began with its length.
  if (length === continuation) {
    length = view.getUint32(at, true);
    at += 4;
  }
  if (length === 0) return undefined;
  if (length > bytes.length - at) throw new Error('a message is cut short');
  const table = FlatTable.root(bytes.subarray(at, at + length));
  const version = table.int16(0);
  if (version > version4 + 1)
    throw new Error(`it has version ${version + 1} of the format, which is not supported`);
  if (version < version4) throw new Error('it was written before Arrow 0.8, which is not supported');
  const header = table.table(2);
  if (!header) throw new Error('a message has no header');
  const bodyStart = at + length;
  const bodyBytes = table.int64(3);
  const place = { bodyStart, bodyEnd: bodyStart + bodyBytes, hasUnionValidity: version === version4 };
  switch (table.int8(1)) {
    case 1:
      return { ...place, kind: 'schema', schema: header };
    case 2: {
      const data = header.table(1);
      if (!data) throw new Error('a dictionary has no values');
      const batch = batchHeader(data, bodyBytes);
      return { ...place, kind: 'dictionary', id: header.id(0), isDelta: header.int8(2) !== 0, batch };
    }
    case 3:
      return { ...place, kind: 'batch', batch: batchHeader(header, bodyBytes) };
    default:
      throw new Error(`a message has the unsupported type ${table.int8(1)}`);
  }
}

function batchHeader(table: FlatTable, bodyBytes: number): BatchHeader {
  const rows = table.int64(0);
  const nodes = table.structs(1, 16, [0, 8]).map(([length, missing]) => {
    if (missing > length) throw new Error('a column has more missing values than values');
    return { length, missing };
  });
  const buffers = table.structs(2, 16, [0, 8]).map(([start, length]) => {
    const end = start + length;
    if (end > bodyBytes) throw new Error('a buffer extends beyond its record batch');
    return { start, end };
  });
  const compression = table.table(3);
  const codec = compression && codecOf(compression);
  const variadicCounts = table.structs(4, 8, [0]).map(([count]) => count);
  return { rows, nodes, buffers, codec, variadicCounts };
}

function codecOf(compression: FlatTable): Codec {
  const codec = compression.int8(0);
  if (compression.int8(1) !== 0 || codec < 0 || codec > 1)
    throw new Error(`its buffers have the unsupported compression ${codec}`);
  return codec === 0 ? 'lz4' : 'zstd';
}
