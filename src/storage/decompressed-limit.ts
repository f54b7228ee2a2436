import { type ErrorLocation, FormatError } from '../core/errors.js';

/** Default of `maxDecompressedBytes`: the most memory that one compressed file, shard or member may take. */
export const defaultDecompressedBytes = 2 ** 30;

/**
 * Checks the decompressed size, before or during decompression into memory.
 *
 * @throws {@link FormatError} if it exceeds the limit.
 */
export function checkDecompressed(bytes: number, limit: number, where: ErrorLocation): void {
  if (bytes <= limit) return;
  throw new FormatError(`The decompressed data exceeds ${limit} bytes`, {
    where,
    next: 'If you trust the file and have the memory, raise the limit with { maxDecompressedBytes }.',
  });
}
