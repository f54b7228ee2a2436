import { crc32 } from 'node:zlib';

/** Bytes before the first chunk. */
const signatureBytes = 8;

/** A chunk of a PNG file: name, content, and all of its bytes. `isWhole` is `false` if the file ends within it. */
export interface PngChunk {
  readonly name: string;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
  readonly isWhole: boolean;
}

/** The chunks of a PNG file up to `IEND`, or to the end of the file. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = signatureBytes; at + 8 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    yield {
      name,
      content: bytes.subarray(at + 8, Math.min(end - 4, bytes.length)),
      whole: bytes.subarray(at, end),
      isWhole: end <= bytes.length,
    };
    if (name === 'IEND') return;
    at = end;
  }
}

/** The signature of a PNG file. */
export function pngSignature(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, signatureBytes);
}

export function makePngChunk(name: string, content: Uint8Array): Buffer {
  const made = Buffer.alloc(12 + content.length);
  made.writeUInt32BE(content.length, 0);
  made.write(name, 4, 'latin1');
  made.set(content, 8);
  made.writeUInt32BE(crc32(made.subarray(4, 8 + content.length)), 8 + content.length);
  return made;
}
