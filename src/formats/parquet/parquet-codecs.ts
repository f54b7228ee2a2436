import type { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { brotliDecompress, brotliDecompressSync, unzip, unzipSync } from 'node:zlib';
import { isNode } from '../../core/platform.js';
import { decompressLz4Block } from '../tables/lz4-block.js';
import { decompressZstd } from '../tables/zstd.js';

/** Larger pages are decompressed off the event loop if Node.js can. */
const largePage = 2 ** 20;

/**
 * Decompresses a page.
 *
 * @param length - Expected length, in bytes.
 * @throws Error if the data is damaged or has another length
 */
export async function decompressPage(codec: string, input: Uint8Array, length: number): Promise<Uint8Array> {
  // Some headers leave the levels out of the size of what is not compressed.
  if (codec === 'UNCOMPRESSED') return input;
  const content = await decompress(codec, input, length);
  if (content.length !== length)
    throw new Error(`a page has ${content.length} bytes once decompressed, and its header says ${length}`);
  return content;
}

function decompress(codec: string, input: Uint8Array, length: number): Uint8Array | Promise<Uint8Array> {
  // The dictionary of a column of which all is missing has no bytes, whatever the codec makes of that.
  if (length === 0) return new Uint8Array(0);
  switch (codec) {
    case 'SNAPPY':
      return decompressWith('SNAPPY', input, length);
    case 'GZIP':
      return isNode ? inflate(input, length) : gunzipInBrowser(input, length);
    case 'BROTLI':
      return unbrotli(input, length);
    case 'ZSTD':
      return decompressZstd(input, length);
    case 'LZ4_RAW':
      return lz4(input, length);
    case 'LZ4':
      return hadoopLz4(input, length) ?? lz4(input, length);
    default:
      throw new Error(`pages are compressed with ${codec}, which is not supported`);
  }
}

async function decompressWith(
  codec: 'SNAPPY' | 'BROTLI',
  input: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const decompress = (await import('hyparquet-compressors')).compressors[codec];
  if (!decompress) throw new Error(`hyparquet-compressors does not decompress ${codec}`);
  return decompress(input, length);
}

/** gzip, or zlib, which some writers use instead. */
async function inflate(input: Uint8Array, length: number): Promise<Uint8Array> {
  const options = { maxOutputLength: length };
  return plain(
    input.length > largePage || length > largePage
      ? await promisify(unzip)(input, options)
      : unzipSync(input, options),
  );
}

async function gunzipInBrowser(input: Uint8Array, length: number): Promise<Uint8Array> {
  const content = new Uint8Array(length);
  let end = 0;
  const packed = new Blob([input as Uint8Array<ArrayBuffer>]).stream();
  const reader = packed.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return content.subarray(0, end);
      if (value.length > length - end) throw new Error('a page is longer than its header says');
      content.set(value, end);
      end += value.length;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function unbrotli(input: Uint8Array, length: number): Promise<Uint8Array> {
  if (!isNode) return decompressWith('BROTLI', input, length);
  const options = { maxOutputLength: length };
  return plain(
    length > largePage
      ? await promisify(brotliDecompress)(input, options)
      : brotliDecompressSync(input, options),
  );
}

function lz4(input: Uint8Array, length: number): Uint8Array {
  const content = new Uint8Array(length);
  return content.subarray(0, decompressLz4Block(input, content, 0));
}

/** Hadoop prefixes blocks with their two lengths, big-endian. `undefined` if the lengths do not fit. */
function hadoopLz4(input: Uint8Array, length: number): Uint8Array | undefined {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const blocks: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < input.length; ) {
    if (input.length - at < 8) return undefined;
    total += view.getUint32(at);
    const end = at + 8 + view.getUint32(at + 4);
    if (end > input.length || total > length) return undefined;
    blocks.push(input.subarray(at + 8, end));
    at = end;
  }
  if (total !== length) return undefined;
  const content = new Uint8Array(length);
  let end = 0;
  for (const block of blocks) end = decompressLz4Block(block, content, end);
  return content.subarray(0, end);
}

/** A `Buffer` of Node.js is a `Uint8Array` with other methods. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
