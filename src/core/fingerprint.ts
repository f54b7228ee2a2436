import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { TypedArray } from './dtype.js';
import type { Json } from './json.js';

/**
 * A short name for a description: 128 bits of the SHA-256 of its JSON, in hex. Equal descriptions give equal
 * fingerprints in Node and in browsers; the order of keys does not matter.
 */
export function fingerprint(description: Json): string {
  return bytesToHex(hash(utf8ToBytes(JSON.stringify(sortKeys(description)))).subarray(0, 16));
}

/**
 * A fingerprint of the bytes themselves: O(bytes), for data that is in memory anyway. It is cached for the lifetime of the
 * array, so that saving a state again is free; later writes to the array do not change it.
 */
export function fingerprintBytes(bytes: TypedArray): string {
  const known = ofArrays.get(bytes);
  if (known) return known;
  const made = bytesToHex(
    hash(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)).subarray(0, 16),
  );
  ofArrays.set(bytes, made);
  return made;
}

const ofArrays = new WeakMap<TypedArray, string>();

interface NodeCrypto {
  createHash(name: string): { update(bytes: Uint8Array): { digest(): Uint8Array } };
}

/** SHA-256: Node's implementation if available, ten times as fast on large data and fast from the first call. */
function hash(bytes: Uint8Array): Uint8Array {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const crypto = process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined;
  if (crypto) return crypto.createHash('sha256').update(bytes).digest();
  // noble's implementation requires stable bytes, so copy shared memory first.
  return sha256(bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice());
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
