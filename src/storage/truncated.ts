import { IndexRangeError, TruncatedFileError } from '../core/errors.js';
import type { ByteRanges } from './byte-source.js';

/** The error for a file that has `found` bytes from `byteOffset` on where `needed` were expected. */
export function truncated(
  file: string,
  byteOffset: number,
  needed: number,
  found: number,
): TruncatedFileError {
  return new TruncatedFileError(`The file is cut short: needed ${needed} bytes, found ${found}`, {
    where: { file, byteOffset, needed, found },
    next: 'Copy or write the file again.',
  });
}

/**
 * Throws unless all ranges lie within the first `byteLength` bytes of a file, and their slots within the target: a memory map
 * copies by address, without bounds checks.
 */
export function checkRanges(
  file: string,
  byteLength: number,
  { starts, length }: ByteRanges,
  target: Uint8Array,
  stride: number,
): void {
  const isWhole = isCount(length) && isCount(stride);
  for (let k = 0; k < starts.length; k++) {
    const start = starts[k]!;
    const end = k * stride + (start % 8) + length;
    if (isWhole && isCount(start) && end <= target.length)
      checkRange(file, byteLength, start, start + length);
    else {
      throw new IndexRangeError(`Range ${k} cannot be copied to a target of ${target.length} bytes`, {
        where: { file, start, length, stride },
        next: 'Pass whole numbers of bytes, and a target of at least the number of ranges × stride.',
      });
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Throws {@link truncated} unless bytes `start … end - 1` lie within the first `byteLength`. */
export function checkRange(file: string, byteLength: number, start: number, end: number): void {
  if (end <= byteLength) return;
  throw truncated(file, start, end - start, Math.max(0, byteLength - start));
}
