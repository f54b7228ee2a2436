import { Buffer } from 'node:buffer';
/** Compares strings by code point, the order of Python's `sorted` and of S3 listings. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
