import { TruncatedFileError } from '../core/errors.js';

/** The error for a file that has `found` bytes from `byteOffset` on, where `needed` were asked for. */
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

/** Throws {@link truncated} unless bytes `start … end - 1` lie within the first `byteLength`. */
export function checkRange(file: string, byteLength: number, start: number, end: number): void {
  if (end <= byteLength) return;
  throw truncated(file, start, end - start, Math.max(0, byteLength - start));
}
