// LZ4 Frame Format 1.6.4, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
//
//   magic u32 | flags u8 | sizes u8 | content bytes u64 ? | dictionary u32 ? | header checksum u8
//   { block bytes u32, highest bit: stored as it is | block | XXH32 ? } …
//   0 u32 | XXH32 of the content ?
import { decompressLz4Block } from '../tables/lz4-block.js';
import { xxh32 } from './xxh32.js';

const magic = 0x184d2204;
const storedBit = 0x8000_0000;

/**
 * Decompresses a frame.
 *
 * @param length - Expected length, in bytes.
 * @throws Error if it is damaged, as far as checksums and lengths can tell
 */
export function decompressLz4Frame(bytes: Uint8Array, length: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 11) throw damaged('is cut short');
  const flags = view.getUint8(4);
  if (view.getUint32(0, true) !== magic || flags >> 6 !== 1) throw damaged('does not begin as one');
  const has = (bit: number) => (flags & bit) !== 0;
  if (has(0x01)) throw damaged('needs a dictionary, which is not supported');
  const blockBytes = 2 ** (8 + 2 * ((view.getUint8(5) >> 4) & 7));
  let at = has(0x08) ? 15 : 7;
  if (at > bytes.length || ((xxh32(bytes.subarray(4, at - 1)) >>> 8) & 0xff) !== bytes[at - 1])
    throw damaged('has a head that is not that of its checksum');
  if (has(0x08) && view.getBigUint64(6, true) !== BigInt(length))
    throw damaged('has another length than it says');
  const content = new Uint8Array(length);
  let end = 0;
  for (;;) {
    const size = readSize(view, at);
    at += 4;
    if (size === 0) break;
    const blockEnd = at + (size % storedBit);
    if (blockEnd > bytes.length) throw damaged('is cut short');
    const block = bytes.subarray(at, blockEnd);
    at = blockEnd;
    if (has(0x10)) {
      if (readSize(view, at) !== xxh32(block)) throw damaged('has a block that is not that of its checksum');
      at += 4;
    }
    // Blocks refer to earlier ones.
    const room = content.subarray(0, Math.min(length, end + blockBytes));
    if (size < storedBit) end = decompressLz4Block(block, room, end);
    else {
      if (block.length > room.length - end) throw damaged('is longer than it says');
      content.set(block, end);
      end += block.length;
    }
  }
  if (end !== length) throw damaged('has another length than it says');
  if (has(0x04) && readSize(view, at) !== xxh32(content)) throw damaged('is not that of its checksum');
  return content;
}

function readSize(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw damaged('is cut short');
  return view.getUint32(at, true);
}

function damaged(how: string): Error {
  return new Error(`an LZ4 frame ${how}`);
}
