import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { TypedArray } from './dtype.js';
import type { Json } from './json.js';

/**
 * A short name for a description: 128 bits of the SHA-256 of its JSON, in hex. Equal descriptions give equal
 * fingerprints in Node and in browsers; keys count in any order.
 */
export function fingerprint(description: Json): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(sortKeys(description)))).subarray(0, 16));
}

/** A fingerprint of the bytes themselves: O(bytes), for data that is in memory anyway. */
export function fingerprintBytes(bytes: TypedArray): string {
  // A hash of shared memory must not see it change: it is copied out first.
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytesToHex(sha256(view.buffer instanceof ArrayBuffer ? view : view.slice()).subarray(0, 16));
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sortKeys(entry)]),
  );
}
