import { StorageError } from '../core/errors.js';

/** Encodings that `fetch` decodes. It ignores others (`aws-chunked`, `utf-8`), which some tools store by mistake. */
const undone = /\b(x-)?gzip\b|\bdeflate\b|\bcompress\b|\bbr\b|\bzstd\b|\bdc[bz]\b/i;

/**
 * Refuses an encoded response to a request for the plain bytes: its length and ranges count other bytes, and the bytes that
 * `fetch` decodes would end early.
 *
 * @throws {@link StorageError}
 */
export function refuseEncoded(url: string, headers: Pick<Headers, 'get'>): void {
  // Google decompresses what is stored compressed, and sends it whole, without the length.
  const stored = headers.get('x-goog-stored-content-encoding');
  const encoding = headers.get('content-encoding') ?? stored;
  if (encoding === null || !undone.test(encoding)) return;
  throw new StorageError(`The server sends the object compressed (Content-Encoding: ${encoding})`, {
    where: { url },
    next:
      'Store it without Content-Encoding (a name that ends in .gz is unpacked by that), ' +
      'turn off compression in the server or proxy, or copy the object to a disk.',
  });
}
