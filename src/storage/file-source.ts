import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { StorageError } from '../core/errors.js';
import type { ByteSource } from './byte-source.js';
import { storageFailure } from './storage-failure.js';
import { checkRange, truncated } from './truncated.js';

const readAsync = promisify(read);

/** The operating system refuses to read 2 GiB or more at once. */
const maxReadBytes = 2 ** 30;

/**
 * A local file, read by position through one descriptor: no seeking, so reads may overlap.
 *
 * @throws {@link StorageError} when the file cannot be opened.
 */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly #descriptor: number;
  #pendingReads = 0;
  #closed = false;

  constructor(path: string) {
    this.name = path;
    this.#descriptor = openForReading(path);
    this.byteLength = fstatSync(this.#descriptor).size;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = this.#makeRoom(start, end);
    this.#pendingReads++;
    try {
      for (let filled = 0; filled < bytes.length; ) {
        const wanted = Math.min(bytes.length - filled, maxReadBytes);
        const { bytesRead } = await readAsync(this.#descriptor, bytes, filled, wanted, start + filled);
        if (bytesRead === 0) throw truncated(this.name, start, bytes.length, filled);
        filled += bytesRead;
      }
      return bytes;
    } catch (cause) {
      throw this.#failure(cause);
    } finally {
      this.#pendingReads--;
      this.#release();
    }
  }

  readSync(start: number, end: number): Uint8Array {
    const bytes = this.#makeRoom(start, end);
    try {
      for (let filled = 0; filled < bytes.length; ) {
        const wanted = Math.min(bytes.length - filled, maxReadBytes);
        const bytesRead = readSync(this.#descriptor, bytes, filled, wanted, start + filled);
        if (bytesRead === 0) throw truncated(this.name, start, bytes.length, filled);
        filled += bytesRead;
      }
      return bytes;
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #makeRoom(start: number, end: number): Uint8Array {
    if (this.#closed) {
      throw new StorageError('Cannot read the file: it was closed', {
        where: { file: this.name },
        next: 'Open it again, or close it later.',
      });
    }
    checkRange(this.name, this.byteLength, start, end);
    return new Uint8Array(end - start);
  }

  #failure(cause: unknown): unknown {
    return 'syscall' in (cause as object) ? storageFailure('read', this.name, cause) : cause;
  }

  // A descriptor that is closed under a read in flight may by then belong to another file.
  #release(): void {
    if (this.#closed && this.#pendingReads === 0) closeSync(this.#descriptor);
  }
}

function openForReading(path: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw storageFailure('open', path, cause);
  }
  if (fstatSync(descriptor).isDirectory()) {
    closeSync(descriptor);
    throw storageFailure('open', path, { code: 'EISDIR', message: 'it is a folder' });
  }
  return descriptor;
}
