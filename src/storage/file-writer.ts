import { createHash, type Hash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import type { TypedArray } from '../core/dtype.js';
import { StorageError } from '../core/errors.js';
import { storageFailure } from './storage-failure.js';

export interface FileWriterOptions {
  /** Whether to compute the SHA-256 of the content. @defaultValue `false` */
  readonly checksum?: boolean;
}

const bufferBytes = 1 << 20;
const maxWriteBytes = 2 ** 30;

/**
 * Writes a file sequentially under a temporary name beside its final name, and renames it when it is complete: no reader ever
 * sees a partial file. A device or pipe is written directly.
 *
 * Every method throws {@link StorageError} with the file if writing fails; the temporary file is then removed.
 */
export class FileWriter {
  readonly path: string;
  readonly #temporaryPath: string;
  readonly #buffer = new Uint8Array(bufferBytes);
  #descriptor: number | undefined;
  readonly #hash: Hash | undefined;
  #buffered = 0;
  #written = 0;

  constructor(path: string, { checksum = false }: FileWriterOptions = {}) {
    this.path = path;
    this.#hash = checksum ? createHash('sha256') : undefined;
    this.#temporaryPath = isSpecialFile(path) ? path : `${path}.${randomBytes(4).toString('hex')}.partial`;
    this.#descriptor = this.#guard(() => openSync(this.#temporaryPath, 'w'));
  }

  /** Bytes appended so far. */
  get byteLength(): number {
    return this.#written + this.#buffered;
  }

  /** The SHA-256, in hex, of all bytes of a finished file as they were appended; the file on disk must have the same. */
  checksum(): string | undefined {
    return this.#hash?.copy().digest('hex');
  }

  /** Appends the bytes of a typed array, which may be reused when this returns. */
  append(elements: TypedArray): void {
    const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
    if (this.#buffered + bytes.length > bufferBytes) this.#flush();
    if (bytes.length > bufferBytes) {
      this.#write(bytes);
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
  }

  /** Flushes all bytes to disk and closes the file, which keeps its temporary name. */
  finish(): void {
    this.#flush();
    this.#guard(() => {
      if (this.#temporaryPath !== this.path) fsyncSync(this.#openDescriptor());
      this.#closeDescriptor();
    });
  }

  /** Renames the finished file to its final name, replacing an existing file. */
  publish(): void {
    if (this.#temporaryPath === this.path) return;
    this.#guard(() => renameSync(this.#temporaryPath, this.path));
  }

  /** Removes the file with the final name, if it exists. */
  removeOld(): void {
    if (this.#temporaryPath === this.path) return;
    this.#guard(() => rmSync(this.path, { force: true }));
  }

  /** Discards the temporary file. A file with the final name is not touched. */
  discard(): void {
    this.#closeDescriptor();
    if (this.#temporaryPath !== this.path) rmSync(this.#temporaryPath, { force: true });
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    const descriptor = this.#openDescriptor();
    this.#guard(() => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, maxWriteBytes));
      }
    });
    this.#hash?.update(bytes);
    this.#written += bytes.length;
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      this.discard();
      throw storageFailure('write', this.path, cause);
    }
  }

  #openDescriptor(): number {
    if (this.#descriptor !== undefined) return this.#descriptor;
    throw new StorageError('Cannot write the file: it was finished or discarded', {
      where: { file: this.path },
      next: 'Look for an earlier error, or write the file again from the start.',
    });
  }

  #closeDescriptor(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Whether the name belongs to something that a rename must not replace. */
function isSpecialFile(path: string): boolean {
  try {
    const status = statSync(path);
    return !status.isFile() && !status.isDirectory();
  } catch {
    // It does not exist or cannot be inspected: opening reports what is wrong.
    return false;
  }
}
