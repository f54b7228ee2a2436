import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { storageFailure } from '../storage/storage-failure.js';

/** Bytes that are buffered before a write. */
const maxBufferedBytes = 1 << 16;

/** A file that others may read while it grows. If the process is killed, at most the last 64 KiB are lost. */
export class AppendedFile {
  readonly path: string;
  readonly #descriptor: number;
  #buffered: Uint8Array[] = [];
  #bufferedBytes = 0;

  /** Creates or truncates the file. @throws {@link StorageError} if that fails */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = this.#guard(() => {
      mkdirSync(dirname(path), { recursive: true });
      return openSync(path, 'w');
    });
  }

  append(content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#buffered.push(bytes);
    this.#bufferedBytes += bytes.length;
    if (this.#bufferedBytes >= maxBufferedBytes) this.flush();
  }

  flush(): void {
    if (this.#bufferedBytes === 0) return;
    const bytes = Buffer.concat(this.#buffered);
    this.#buffered = [];
    this.#bufferedBytes = 0;
    this.#guard(() => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
    });
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.#descriptor);
    }
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      throw storageFailure('write', this.path, cause);
    }
  }
}
