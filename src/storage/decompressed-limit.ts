import { type ErrorLocation, FormatError } from '../core/errors.js';

/** Most bytes that one compressed file, shard or member may take in memory, unless `maxDecompressedBytes` says otherwise. */
export const defaultDecompressedBytes = 2 ** 30;

/**
 * Checks a size before, or while, something is decompressed into memory.
 *
 * @throws {@link FormatError} where it is more than the limit.
 */
export function checkDecompressed(bytes: number, limit: number, where: ErrorLocation): void {
  if (bytes <= limit) return;
  throw new FormatError(`The data is more than ${limit} bytes when it is decompressed`, {
    where,
    next: 'If you trust the file and have the memory, raise the limit with { maxDecompressedBytes }.',
  });
}
