import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StorageError } from '../core/errors.js';
import type { ConvertedFile } from './part.js';

/** SHA-256 of a file, in hex. */
export async function checksumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}

/** Whether a file is there and is what was written. */
export async function isIntact(
  folder: string,
  { name, byteLength, sha256 }: ConvertedFile,
): Promise<boolean> {
  const path = join(folder, name);
  const status = statSync(path, { throwIfNoEntry: false });
  return status?.size === byteLength && (await checksumOf(path)) === sha256;
}

/**
 * Reads a file back that was just written.
 *
 * @param sha256 - Of the bytes that were to be written.
 * @throws {@link StorageError} when the disk has others.
 */
export async function readBack(path: string, sha256: string): Promise<ConvertedFile> {
  const file = { name: basename(path), byteLength: statSync(path).size, sha256 };
  if ((await checksumOf(path)) === sha256) return file;
  throw new StorageError('The file does not hold what was written to it', {
    where: { file: path },
    next: 'Check the disk, then run the same command again: it makes this part anew.',
  });
}
