import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  contentBytes,
  type FillEntry,
  isIntact,
  trailerBytes,
  tryToRemove,
  writeEntry,
} from './cache-entry.js';
import { CacheLock, isAlive } from './cache-lock.js';

export interface FileCacheOptions {
  /** @defaultValue `MILLRACE_CACHE`, else the user's folder for caches */
  readonly folder: string;
  /** Bytes that it may take. What was not used for longest goes first. */
  readonly maxBytes: number;
}

/** Room is made down to this share, so that not every entry looks through the folder. */
const roomShare = 0.9;
/** Entries that are written between two looks at what other processes have. */
const lookEvery = 32;
const longestSilenceMs = 3_600_000;

/**
 * Files that can be made again, in a folder of bounded size that processes share. An entry is written under another name and
 * renamed when it is whole, with a checksum that is looked at once a process; a damaged one is made anew. Killing a process at any
 * moment leaves nothing that another would take for whole.
 */
export class FileCache {
  readonly folder: string;
  readonly maxBytes: number;
  readonly #verified = new Set<string>();
  readonly #filling = new Map<string, Promise<string>>();
  /** Bytes of the entries when it was last looked, and of those that were written since. */
  #bytes = 0;
  /** Bytes that entries under way will take. */
  #reserved = 0;
  #writesUntilLook = 0;

  constructor({ folder, maxBytes }: FileCacheOptions) {
    this.folder = folder;
    this.maxBytes = maxBytes;
  }

  /**
   * Path of the entry of a key, made by `fill` when it is not there. Its last 16 bytes are not content: open it with
   * {@link contentBytes}. It may be evicted at any time; what is open stays readable.
   *
   * @param byteLength - Its size where that is known, so that room can be made.
   * @throws what `fill` throws, and the system's errors: a disk that is full or cannot be written.
   */
  entry(key: string, byteLength: number | undefined, fill: FillEntry): Promise<string> {
    const path = this.#pathOf(key);
    const known = this.#filling.get(path);
    if (known) return known;
    if (this.#isWhole(path)) {
      touch(path);
      return Promise.resolve(path);
    }
    const filling = this.#fill(path, byteLength, fill).finally(() => this.#filling.delete(path));
    this.#filling.set(path, filling);
    return filling;
  }

  /** Whether there is an entry of a key, without a look at what is in it. */
  holds(key: string): boolean {
    return existsSync(this.#pathOf(key));
  }

  /** Whether the entry of a key is there. */
  has(key: string): boolean {
    return this.#isWhole(this.#pathOf(key));
  }

  /** Takes an entry away: it turned out to be wrong. */
  remove(key: string): void {
    const path = this.#pathOf(key);
    this.#verified.delete(path);
    rmSync(path, { force: true });
  }

  #pathOf(key: string): string {
    const name = createHash('sha256').update(key).digest('hex').slice(0, 40);
    return join(this.folder, name.slice(0, 2), name);
  }

  async #fill(path: string, expected: number | undefined, fill: FillEntry): Promise<string> {
    const lock = await CacheLock.acquire(`${path}.lock`, () => this.#isWhole(path));
    if (!lock) return path;
    try {
      await this.#write(path, lock, expected, fill);
    } catch (error) {
      // Somebody took the folder away meanwhile, or the disk is full: what is not needed now may make room.
      if (isFull(error)) this.#evict(0);
      else if (!isGone(error)) throw error;
      await this.#write(path, lock, expected, fill);
    } finally {
      lock.release();
    }
    return path;
  }

  async #write(path: string, lock: CacheLock, expected: number | undefined, fill: FillEntry): Promise<void> {
    const reserved = (expected ?? 0) + trailerBytes;
    this.#reserved += reserved;
    let written = 0;
    try {
      this.#makeRoom();
      written = await writeEntry(path, fill, () => lock.touch());
    } finally {
      this.#reserved -= reserved;
    }
    this.#verified.add(path);
    this.#bytes += written + trailerBytes;
    if (expected === undefined) this.#makeRoom(path);
  }

  /** Whether an entry is there and is what was written; a damaged one is taken away. */
  #isWhole(path: string): boolean {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch {
      this.#verified.delete(path);
      return false;
    }
    try {
      const length = contentBytes(descriptor);
      if (this.#verified.has(path)) return length !== undefined;
      if (length !== undefined && isIntact(descriptor, length)) {
        this.#verified.add(path);
        return true;
      }
      tryToRemove(path);
      return false;
    } finally {
      closeSync(descriptor);
    }
  }

  /** @param kept - An entry that stays, whatever its size. */
  #makeRoom(kept?: string): void {
    if (this.#bytes + this.#reserved > this.maxBytes || this.#writesUntilLook === 0) {
      this.#writesUntilLook = lookEvery;
      this.#evict(this.maxBytes - this.#reserved, kept);
    } else this.#writesUntilLook -= 1;
  }

  /** Takes away what was not used for longest, when there is more than `limit`; what cannot be taken away stays. */
  #evict(limit: number, kept?: string): void {
    const entries = this.#list();
    this.#bytes = entries.reduce((sum, { size }) => sum + size, 0);
    if (this.#bytes <= limit) return;
    for (const { path, size, usedMs } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
      if (this.#bytes <= limit * roomShare) return;
      // One that another process is writing is left to it.
      if (path === kept || (path.endsWith('.partial') && isBeingWritten(path, usedMs)) || !tryToRemove(path))
        continue;
      this.#verified.delete(path);
      this.#bytes -= size;
    }
  }

  #list(): { path: string; size: number; usedMs: number }[] {
    const found: { path: string; size: number; usedMs: number }[] = [];
    // A date in the future is no reason to keep an entry for longest.
    const now = Date.now();
    for (const inner of listFolder(this.folder)) {
      for (const name of listFolder(join(this.folder, inner))) {
        const path = join(this.folder, inner, name);
        const status = statusOf(path);
        if (!status?.isFile() || name.includes('.lock')) continue;
        // What this process is writing is reserved already.
        if (name.endsWith('.partial') && writerOf(path) === process.pid) continue;
        found.push({ path, size: status.size, usedMs: Math.min(now, status.mtimeMs) });
      }
    }
    return found;
  }
}

/**
 * Whether an error is one of the operating system about a file: a disk that is full, broken or not to be written, a folder that is gone, too
 * many open files. None of them says anything about the data that was to be kept.
 */
export function isSystemError(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  return typeof code === 'string' && typeof syscall === 'string';
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESTALE'].includes((error as { code?: string }).code ?? '');
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as { code?: string }).code ?? '');
}

/** When an entry was used last is when its file was changed last. */
function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Evicted meanwhile, or of another user.
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The process that writes a partial entry. */
function writerOf(partial: string): number {
  return Number(partial.split('.').at(-3));
}

/** A process of this number that wrote nothing for an hour is another one, of this machine or of none. */
function isBeingWritten(partial: string, writtenMs: number): boolean {
  return isAlive(writerOf(partial)) && Date.now() - writtenMs < longestSilenceMs;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
