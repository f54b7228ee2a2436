import { crc32 as nodeCrc32 } from 'node:zlib';
import { isNode } from '../../core/platform.js';

/** CRC-32 of gzip, zip and Parquet. */
export function crc32(bytes: Uint8Array): number {
  // Bundles for browsers have no zlib.
  if (isNode) return nodeCrc32(bytes);
  let crc = -1;
  for (let k = 0; k < bytes.length; k++) crc = table[(crc ^ bytes[k]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});
