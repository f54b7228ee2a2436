import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { makeFolder } from './make-folder.js';

/** Produces the content of an entry, chunk by chunk. */
export type FillEntry = (append: (bytes: Uint8Array) => void) => Promise<void>;

/** Trailer after the content: magic, CRC-32, length. */
export const trailerBytes = 16;
const magic = 0x3143524d;
const readBytes = 2 ** 20;
/**
 * Writes an entry under a temporary name and renames it when it is complete.
 *
 * @param onWrite - Called with each chunk.
 * @returns the number of bytes of content
 */
export async function writeEntry(path: string, fill: FillEntry, onWrite: () => void): Promise<number> {
  makeFolder(dirname(path));
  const partial = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.partial`;
  const descriptor = openSync(partial, 'wx');
  let isOpen = true;
  let written = 0;
  let checksum = 0;
  try {
    await fill((bytes) => {
      writeAll(descriptor, bytes);
      written += bytes.length;
      checksum = crc32(bytes, checksum);
      onWrite();
    });
    const trailer = Buffer.alloc(trailerBytes);
    trailer.writeUInt32LE(magic, 0);
    trailer.writeUInt32LE(checksum, 4);
    trailer.writeDoubleLE(written, 8);
    writeAll(descriptor, trailer);
    isOpen = false;
    closeSync(descriptor);
    renameSync(partial, path);
    return written;
  } catch (error) {
    if (isOpen) closeSync(descriptor);
    tryToRemove(partial);
    throw error;
  }
}

/** Number of bytes of content in an open entry, without its trailer; `undefined` if the entry is incomplete. */
export function contentBytes(descriptor: number): number | undefined {
  const length = fstatSync(descriptor).size - trailerBytes;
  if (length < 0) return undefined;
  const trailer = Buffer.alloc(trailerBytes);
  readSync(descriptor, trailer, 0, trailerBytes, length);
  return trailer.readUInt32LE(0) === magic && trailer.readDoubleLE(8) === length ? length : undefined;
}

/** Whether the content of an open entry matches its checksum. */
export function isIntact(descriptor: number, length: number): boolean {
  return checksumOf(descriptor, length) === storedChecksum(descriptor, length);
}

function storedChecksum(descriptor: number, length: number): number {
  const trailer = Buffer.alloc(trailerBytes);
  readSync(descriptor, trailer, 0, trailerBytes, length);
  return trailer.readUInt32LE(4);
}

function checksumOf(descriptor: number, length: number): number {
  const buffer = Buffer.allocUnsafe(Math.min(readBytes, length));
  let checksum = 0;
  for (let at = 0; at < length; ) {
    const count = readSync(descriptor, buffer, 0, Math.min(buffer.length, length - at), at);
    if (count === 0) return -1;
    checksum = crc32(buffer.subarray(0, count), checksum);
    at += count;
  }
  return checksum;
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}

/** @returns whether the file was removed; another user's may not be */
export function tryToRemove(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}
