import { StorageError } from '../core/errors.js';

/**
 * Memory for `byteLength` bytes of an object. @throws {@link StorageError} if that much cannot be allocated: a server may claim
 * any length
 */
export function allocate(url: string, byteLength: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(byteLength);
  } catch (cause) {
    throw new StorageError(`Cannot allocate ${byteLength} bytes of memory`, {
      where: { url },
      next: 'Check the object: its server reports this size.',
      cause,
    });
  }
}
