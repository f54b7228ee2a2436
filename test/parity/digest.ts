import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Size and SHA-256 of a file, as the vectors record them. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** SHA-256 in hex. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** SHA-256 in hex of values as little-endian int64. */
export function sha256OfInt64(values: Iterable<number | bigint>): string {
  return sha256(new Uint8Array(BigInt64Array.from(Array.from(values, BigInt)).buffer));
}

/** Size and SHA-256 of a file. */
export function digestOf(path: string): FileDigest {
  const bytes = readFileSync(path);
  return { bytes: bytes.length, sha256: sha256(bytes) };
}
