// LZ4 Frame Format 1.6.4, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
//
//   magic u32 | flags u8 | sizes u8 | content bytes u64 ? | dictionary u32 ? | header checksum u8
//   { block bytes u32, highest bit: stored as it is | block | XXH32 ? } …
//   0 u32 | XXH32 of the content ?

import type lz4js from 'lz4js';
import type xxh32 from 'lz4js/xxh32.js';

/** What is taken from lz4js. Its own reader of frames takes the checksum of a block to stand before it, and gives other data. */
export interface Lz4 {
  readonly decompressBlock: typeof lz4js.decompressBlock;
  readonly xxh32: typeof xxh32.hash;
}

interface Block {
  readonly start: number;
  readonly end: number;
  /** Whether it is not compressed. */
  readonly isStored: boolean;
}

interface Frame {
  readonly blocks: readonly Block[];
  /** No more bytes than these. */
  readonly maxBytes: number;
  readonly contentBytes: number | undefined;
  readonly checksum: number | undefined;
}

const magic = 0x184d2204;
const storedBit = 0x8000_0000;

/** The content of a frame. @throws Error where it is damaged, as far as its checksums and lengths can tell */
export function decompressLz4Frame(bytes: Uint8Array, lz4: Lz4): Uint8Array {
  const { blocks, maxBytes, contentBytes, checksum } = readFrame(bytes, lz4);
  const target = new Uint8Array(contentBytes ?? maxBytes);
  let end = 0;
  // Blocks refer to those before them.
  for (const { start, end: blockEnd, isStored } of blocks) {
    if (isStored) {
      target.set(bytes.subarray(start, blockEnd), end);
      end += blockEnd - start;
    } else end = lz4.decompressBlock(bytes, target, start, blockEnd - start, end);
  }
  if (end > target.length || end !== (contentBytes ?? end))
    throw new Error('an LZ4 frame has another length than it says');
  if (checksum !== undefined && lz4.xxh32(0, target, 0, end) >>> 0 !== checksum)
    throw new Error('the checksum of an LZ4 frame is not that of its content');
  return target.length === end ? target : target.slice(0, end);
}

function readFrame(bytes: Uint8Array, lz4: Lz4): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(4);
  if (view.getUint32(0, true) !== magic || flags >> 6 !== 1)
    throw new Error('an LZ4 frame does not begin as one');
  const has = (bit: number) => (flags & bit) !== 0;
  const blockBytes = 2 ** (8 + 2 * ((view.getUint8(5) >> 4) & 7));
  const hasChecksum = has(0x04);
  const contentBytes = has(0x08) ? Number(view.getBigUint64(6, true)) : undefined;
  const blocks: Block[] = [];
  let at = 7 + (has(0x08) ? 8 : 0) + (has(0x01) ? 4 : 0);
  for (let size = view.getUint32(at, true); size !== 0; size = view.getUint32(at, true)) {
    const block = { start: at + 4, end: at + 4 + (size % storedBit), isStored: size >= storedBit };
    at = block.end;
    if (has(0x10)) {
      const { start, end } = block;
      // One look at it all is enough.
      if (!hasChecksum && lz4.xxh32(0, bytes, start, end - start) >>> 0 !== view.getUint32(end, true))
        throw new Error('the checksum of an LZ4 block is not that of its bytes');
      at += 4;
    }
    blocks.push(block);
  }
  const checksum = hasChecksum ? view.getUint32(at + 4, true) : undefined;
  const maxBytes = blocks.length * blockBytes;
  if (contentBytes !== undefined && contentBytes > maxBytes)
    throw new Error('an LZ4 frame says that it is longer than its blocks can be');
  return { blocks, maxBytes, contentBytes, checksum };
}
