import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StorageError } from '../core/errors.js';
import type { WrittenFile } from './part-receipt.js';

/** SHA-256 of a file, in hex. */
export async function checksumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}

/** Whether a file exists and holds what was written. */
export async function isIntact(folder: string, { name, byteLength, sha256 }: WrittenFile): Promise<boolean> {
  const path = join(folder, name);
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.size === byteLength && (await checksumOf(path)) === sha256;
}

/**
 * Reads a file back that was just written, and compares its checksum.
 *
 * @param sha256 - Of the bytes that were written.
 * @throws {@link StorageError} if the disk holds other bytes.
 */
export async function readBack(path: string, sha256: string): Promise<WrittenFile> {
  const file = { name: basename(path), byteLength: statSync(path).size, sha256 };
  if ((await checksumOf(path)) === sha256) return file;
  throw new StorageError('The file does not hold the bytes that were written to it', {
    where: { file: path },
    next: 'Check the disk, then run the same command again: it writes this part again.',
  });
}
