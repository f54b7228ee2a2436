import { Buffer } from 'node:buffer';
import { constants, deflateSync, inflateSync } from 'node:zlib';
import { makePngChunk, pngChunks, pngSignature } from './png-chunks.js';

/** Channels by color type: gray, none, RGB, palette, gray and alpha, none, RGBA. */
const channels = [1, 0, 3, 1, 2, 0, 4] as const;
/** The seven passes of an interlaced PNG: first column and row, and the distance to the next. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * Completes a PNG that ends too early: the rows that are missing become zero, as in Pillow with `LOAD_TRUNCATED_IMAGES`. A row that
 * is there in part is missing.
 *
 * @param checkSize - Called before memory is allocated.
 * @returns the bytes themselves if nothing is missing.
 * @throws Error if not even the header is there.
 */
export function completePng(
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33) throw new Error('it ends within its header');
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const [bits, kind, interlaced] = [bytes[24]!, bytes[25]!, bytes[28] === 1];
  checkSize(width, height);
  const head: Uint8Array[] = [pngSignature(bytes)];
  const content: Uint8Array[] = [];
  for (const { name, content: data, whole, isWhole } of pngChunks(bytes)) {
    if (name === 'IDAT') content.push(data);
    else if (name === 'IEND') return bytes;
    else if (content.length === 0 && isWhole) head.push(whole);
  }
  const bitsPerPixel = bits * (channels[kind] ?? 0);
  const rows = rowsOf(width, height, interlaced).map(({ columns, count }) => ({
    bytes: 1 + Math.ceil((columns * bitsPerPixel) / 8),
    count,
  }));
  const size = rows.reduce((sum, part) => sum + part.bytes * part.count, 0);
  const raw = new Uint8Array(size);
  const found = inflateStart(content, size);
  raw.set(found.subarray(0, wholeRows(rows, found.length)));
  return Buffer.concat([
    ...head,
    makePngChunk('IDAT', deflateSync(raw, { level: 1 })),
    makePngChunk('IEND', new Uint8Array()),
  ]);
}

/** The rows of each pass, or of the only one. */
function rowsOf(width: number, height: number, interlaced: boolean) {
  if (!interlaced) return [{ columns: width, count: height }];
  return passes.flatMap(([x, y, stepX, stepY]) => {
    const columns = Math.ceil(Math.max(0, width - x) / stepX);
    const count = Math.ceil(Math.max(0, height - y) / stepY);
    return columns > 0 && count > 0 ? [{ columns, count }] : [];
  });
}

/** Bytes of the rows that are there in full. */
function wholeRows(
  rows: readonly { readonly bytes: number; readonly count: number }[],
  found: number,
): number {
  let whole = 0;
  for (const { bytes, count } of rows) {
    const fit = Math.min(count, Math.floor((found - whole) / bytes));
    whole += fit * bytes;
    if (fit < count) break;
  }
  return whole;
}

/** Decompresses the start of a stream that may be cut off. @param most - Bytes that a whole image has; more are an error */
function inflateStart(content: readonly Uint8Array[], most: number): Uint8Array {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: most + 1 };
  try {
    return inflateSync(Buffer.concat(content), options);
  } catch (cause) {
    throw new Error('its compressed pixels are damaged', { cause });
  }
}
