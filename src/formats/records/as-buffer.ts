import { Buffer } from 'node:buffer';

/** The same memory as a `Buffer`. Public declarations use `Uint8Array`, since not every project has Node's types. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
