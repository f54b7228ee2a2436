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
import { errorCode } from '../core/thrown.js';
import {
  contentBytes,
  type FillEntry,
  isIntact,
  trailerBytes,
  tryToRemove,
  writeEntry,
} from './cache-entry.js';
import { CacheLock, isAlive } from './cache-lock.js';
import { OpenEntries } from './open-entries.js';
import type { OpenEntry } from './open-entry.js';

export interface FileCacheOptions {
  /** @defaultValue `MILLRACE_CACHE`, or the user's cache folder */
  readonly folder: string;
  /** Most bytes of all entries. The least recently used are evicted. */
  readonly maxBytes: number;
}

/** Eviction stops at this share of the limit, so that not every new entry scans the folder. */
const roomShare = 0.9;
/** New entries between two scans for entries of other processes: this many, or this share of all, so that scans stay cheap. */
const lookEvery = 128;
const lookShare = 1 / 16;
const longestSilenceMs = 3_600_000;

/**
 * Files that can be recreated, in a folder of bounded size that processes share. An entry is written under a temporary name and
 * renamed when complete. Each process verifies the checksum of an entry once and recreates a damaged one. A process killed at
 * any moment leaves no entry that looks complete but is not.
 */
export class FileCache {
  readonly folder: string;
  readonly maxBytes: number;
  readonly #verified = new Set<string>();
  readonly #filling = new Map<string, Promise<string>>();
  readonly #open = new OpenEntries();
  /** Bytes of the entries at the last scan, plus those written since. */
  #bytes = 0;
  /** Bytes reserved for entries in progress. */
  #reserved = 0;
  #writesUntilLook = 0;

  constructor({ folder, maxBytes }: FileCacheOptions) {
    this.folder = folder;
    this.maxBytes = maxBytes;
  }

  /**
   * Path of the entry of a key, which `fill` creates if absent. The last 16 bytes of the file are not content: open it with
   * {@link contentBytes}. The entry may be evicted at any time; open files stay readable.
   *
   * @param byteLength - Its size, if known, so that others are evicted first.
   * @throws what `fill` throws; system errors if the disk is full or not writable.
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

  /**
   * The entry of a key, open for reading, which `fill` creates if absent. Ones that have not been read for a while are closed: call
   * this again.
   *
   * @returns `undefined` if it was evicted meanwhile.
   * @throws as {@link entry} does.
   */
  async open(key: string, byteLength: number, fill: FillEntry): Promise<OpenEntry | undefined> {
    const path = this.#pathOf(key);
    const open = async () => this.#open.get(path) ?? this.#open.open(await this.entry(key, byteLength, fill));
    try {
      return await open();
    } catch (error) {
      if (!['EMFILE', 'ENFILE'].includes(errorCode(error) ?? '')) throw error;
      // The program has as many files open as it may.
      this.#open.closeAll();
      return await open();
    }
  }

  /** Whether a key has an entry; the content is not verified. */
  holds(key: string): boolean {
    return existsSync(this.#pathOf(key));
  }

  /** Whether a key has an entry. */
  has(key: string): boolean {
    return this.#isWhole(this.#pathOf(key));
  }

  /** Removes an entry that turned out to be wrong. */
  remove(key: string): void {
    const path = this.#pathOf(key);
    this.#verified.delete(path);
    this.#open.close(path);
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
      // The folder was removed meanwhile, or the disk is full: evict entries that are not in use.
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
    // Entries that are written at once may together be more than the cache holds.
    if (expected === undefined || this.#bytes > this.maxBytes) this.#makeRoom(path);
  }

  /** Whether an entry exists and matches its checksum. Removes a damaged one. */
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

  /** @param kept - An entry that is not evicted, whatever its size. */
  #makeRoom(kept?: string): void {
    if (this.#bytes + this.#reserved > this.maxBytes || this.#writesUntilLook <= 0) {
      const entries = this.#evict(this.maxBytes - this.#reserved, kept);
      this.#writesUntilLook = Math.max(lookEvery, lookShare * entries);
    } else this.#writesUntilLook -= 1;
  }

  /**
   * Evicts the least recently used entries beyond `limit`. Ignores files that cannot be removed.
   *
   * @returns the number of entries before
   */
  #evict(limit: number, kept?: string): number {
    this.#open.writeDates();
    const entries = this.#list();
    this.#bytes = entries.reduce((sum, { size }) => sum + size, 0);
    if (this.#bytes <= limit) return entries.length;
    for (const { path, size, usedMs } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
      if (this.#bytes <= limit * roomShare) break;
      // Entries that another process is writing are left alone.
      if (path === kept || (path.endsWith('.partial') && isBeingWritten(path, usedMs))) continue;
      this.#open.close(path);
      if (!tryToRemove(path)) continue;
      this.#verified.delete(path);
      this.#bytes -= size;
    }
    return entries.length;
  }

  #list(): { path: string; size: number; usedMs: number }[] {
    const found: { path: string; size: number; usedMs: number }[] = [];
    // A date in the future does not protect an entry from eviction.
    const now = Date.now();
    for (const inner of listFolder(this.folder)) {
      for (const name of listFolder(join(this.folder, inner))) {
        const path = join(this.folder, inner, name);
        const status = statusOf(path);
        if (!status?.isFile() || name.includes('.lock')) continue;
        // Entries that this process is writing are counted already.
        if (name.endsWith('.partial') && writerOf(path) === process.pid) continue;
        found.push({ path, size: status.size, usedMs: Math.min(now, status.mtimeMs) });
      }
    }
    return found;
  }
}

/**
 * Whether an error is a file error of the operating system: a full, broken or read-only disk, a missing folder, too many open
 * files. Such an error says nothing about the data.
 */
export function isSystemError(error: unknown): boolean {
  return (
    errorCode(error) !== undefined &&
    error instanceof Error &&
    'syscall' in error &&
    typeof error.syscall === 'string'
  );
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESTALE'].includes(errorCode(error) ?? '');
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
}

/** The modification time of a file records when the entry was last used. */
function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Evicted meanwhile, or owned by another user.
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The id of the process that writes a partial entry. */
function writerOf(partial: string): number {
  return Number(partial.split('.').at(-3));
}

/** A process id that wrote nothing for an hour has been reused, or belongs to another machine. */
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
