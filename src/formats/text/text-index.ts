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
 * Where documents begin that a separator stands between, and where the last one ends: shape `[n + 1]`. A document reaches to the
 * beginning of the next, the separator with it. Nothing before the first separator or behind the last one is no document.
 */
export async function findDocuments(source: ByteSource, separator: Uint8Array): Promise<Float64Array> {
  const bounds = new SharedNumbers();
  let kept = Buffer.alloc(0);
  /** Place of the first byte of `kept` in the file. */
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
    // A separator may lie across two pieces.
    const rest = Math.max(at, bytes.length - separator.length + 1);
    kept = bytes.subarray(Math.min(rest, bytes.length));
    offset += bytes.length - kept.length;
  }
  end(source.byteLength);
  if (bounds.length > 0) bounds.push(source.byteLength);
  return bounds.shared();
}
