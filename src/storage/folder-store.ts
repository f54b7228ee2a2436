import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../core/thrown.js';
import type { ByteSource } from './byte-source.js';
import { FileSource } from './file-source.js';
import { isMissing } from './is-missing.js';
import type { ObjectStore } from './object-store.js';
import { storageFailure } from './storage-failure.js';

/**
 * Stores objects as files of a folder. They are written under a temporary name and renamed, but not flushed one by one: after a
 * power failure a file may be damaged, which its reader must detect.
 */
export class FolderStore implements ObjectStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get name(): string {
    return this.folder;
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#replace(name, (path) => writeFile(path, bytes));
  }

  putFile(name: string, path: string): Promise<void> {
    return this.#replace(name, async (target) => {
      try {
        await rename(path, target);
      } catch (error) {
        // A file cannot be moved from another disk.
        if (errorCode(error) !== 'EXDEV') throw error;
        await copyFile(path, target);
      }
    });
  }

  async open(name: string): Promise<ByteSource | undefined> {
    try {
      return new FileSource(join(this.folder, name), { memoryMap: false });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    const path = join(this.folder, name);
    await rm(path, { recursive: true, force: true });
    const parent = dirname(path);
    // Removes folders that have become empty.
    if (parent !== this.folder) await rmdir(parent).catch(() => {});
  }

  async #replace(name: string, write: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.folder, name);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.partial`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await write(temporary);
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {});
      throw storageFailure('write', path, cause);
    }
  }
}
