import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The cases of one file of vectors that the original libraries made. */
export function goldenCases<T>(file: string): readonly T[] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { cases: T[] }).cases;
}

/** SHA-256 in hex of values as little-endian int64. */
export function sha256OfInt64(values: Iterable<number | bigint>): string {
  return sha256(new Uint8Array(BigInt64Array.from(Array.from(values, BigInt)).buffer));
}

/** SHA-256 in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
