import { StorageError } from '../core/errors.js';

/**
 * Memory for `byteLength` bytes of an object. @throws {@link StorageError} if that much cannot be allocated: a server may claim
 * any length
 */
export function allocate(url: string, byteLength: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(byteLength);
  } catch (cause) {
    throw new StorageError(`There is no memory for ${byteLength} bytes at once`, {
      where: { url },
      next: 'Check the object: its server says that it is this large.',
      cause,
    });
  }
}
