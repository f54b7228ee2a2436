import { Buffer } from 'node:buffer';
/** Compares texts by code point, as Python sorts and S3 lists. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
