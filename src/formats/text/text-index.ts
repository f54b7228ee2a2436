import { Buffer } from 'node:buffer';
import type { ByteSource } from '../../storage/byte-source.js';
import { SharedNumbers } from '../records/shared-numbers.js';

/** The whole file as one record. */
export async function wholeFile(source: ByteSource): Promise<Float64Array> {
  const bounds = new SharedNumbers();
  bounds.push(0);
  bounds.push(source.byteLength);
  return bounds.shared();
}

/**
 * Finds documents between separators. Returns shape `[n + 1]`: the offset of each, and the end of the last one. A document
 * includes the separator after it. An empty text before the first or after the last separator is not a document.
 */
export async function findDocuments(source: ByteSource, separator: Uint8Array): Promise<Float64Array> {
  const bounds = new SharedNumbers();
  let kept = Buffer.alloc(0);
  /** Offset in the file of the first byte of `kept`. */
  let offset = 0;
  let begun = 0;
  const end = (place: number): void => {
    if (place > begun) bounds.push(begun);
    begun = place + separator.length;
  };
  for await (const piece of source.stream()) {
    const bytes = Buffer.concat([kept, piece]);
    let at = 0;
    for (let found = bytes.indexOf(separator); found >= 0; found = bytes.indexOf(separator, at)) {
      end(offset + found);
      at = found + separator.length;
    }
    // A separator may span two chunks.
    const rest = Math.max(at, bytes.length - separator.length + 1);
    kept = bytes.subarray(Math.min(rest, bytes.length));
    offset += bytes.length - kept.length;
  }
  end(source.byteLength);
  if (bounds.length > 0) bounds.push(source.byteLength);
  return bounds.shared();
}
