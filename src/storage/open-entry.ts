import { closeSync, openSync, read, readSync, statSync, utimesSync } from 'node:fs';
import { promisify } from 'node:util';
import { errorCode } from '../core/thrown.js';
import { contentBytes, trailerBytes } from './cache-entry.js';
import type { EntryMemory } from './entry-memory.js';

const readAsync = promisify(read);

/** Reads of at most this many bytes are synchronous: a promise would cost more than the read. */
const shortBytes = 2 ** 16;
/** An entry is checked, and its date written, at most this often, in milliseconds. */
const lookMs = 250;
/** Short reads share larger pieces of memory: an `ArrayBuffer` each would cost more than the read. */
const pieceBytes = 2 ** 17;

let piece = new Uint8Array(0);
let pieceUsed = 0;

/**
 * An entry of the cache that stays open, so that a short read is one system call, or none if its content is in memory. It checks every
 * 250 ms whether its file was evicted or damaged, and then writes the date of its last use.
 */
export class OpenEntry {
  readonly path: string;
  /** Bytes of content, without the trailer. */
  readonly byteLength: number;
  readonly #descriptor: number;
  readonly #memory: EntryMemory;
  #usedMs = Date.now();
  #lookedMs = this.#usedMs;
  #pendingReads = 0;
  #isClosed = false;

  private constructor(path: string, descriptor: number, byteLength: number, memory: EntryMemory) {
    this.path = path;
    this.#descriptor = descriptor;
    this.byteLength = byteLength;
    this.#memory = memory;
  }

  /** @returns `undefined` if there is no such file, or it is incomplete */
  static open(path: string, memory: EntryMemory): OpenEntry | undefined {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    const byteLength = contentBytes(descriptor);
    if (byteLength !== undefined) return new OpenEntry(path, descriptor, byteLength, memory);
    closeSync(descriptor);
    return undefined;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Reads `length` bytes from `start` on, if they are few. They may share their memory with other reads: do not write to them.
   *
   * @returns `undefined` if they are many, or the entry is closed, evicted or damaged
   */
  readNow(start: number, length: number): Uint8Array | undefined {
    if (length > shortBytes || start + length > this.byteLength || !this.isThere()) return undefined;
    const content = this.#memory.contentOf(this, length);
    if (content) return content.subarray(start, start + length);
    if (pieceUsed + length > piece.length) {
      piece = new Uint8Array(pieceBytes);
      pieceUsed = 0;
    }
    const target = piece.subarray(pieceUsed, pieceUsed + length);
    // The next read begins at a multiple of 8.
    pieceUsed += 8 * Math.ceil(length / 8);
    return this.fill(target, start) ? target : undefined;
  }

  /** Fills `target` with the bytes from `start` on. @returns whether the entry has them */
  async read(target: Uint8Array, start: number): Promise<boolean> {
    const short = this.readNow(start, target.length);
    if (short) {
      target.set(short);
      return true;
    }
    if (!this.isThere()) return false;
    this.#pendingReads += 1;
    try {
      for (let filled = 0; filled < target.length; ) {
        const left = Math.min(target.length, this.byteLength - start) - filled;
        const { bytesRead } = await readAsync(this.#descriptor, target, filled, left, start + filled);
        if (bytesRead === 0) {
          this.close();
          return false;
        }
        filled += bytesRead;
      }
      return true;
    } finally {
      this.#pendingReads -= 1;
      if (this.#isClosed) this.#release();
    }
  }

  /** Like {@link read}, synchronously. An entry that cannot be read is closed. */
  fill(target: Uint8Array, start: number): boolean {
    let filled = 0;
    try {
      while (filled < target.length) {
        const count = readSync(this.#descriptor, target, filled, target.length - filled, start + filled);
        if (count === 0) break;
        filled += count;
      }
    } catch {
      // The entry is opened again, which says what is wrong.
    }
    if (filled === target.length) return true;
    this.close();
    return false;
  }

  /** Writes the date of its last use to its file. @returns whether that succeeded */
  writeDate(): boolean {
    this.#lookedMs = this.#usedMs;
    try {
      utimesSync(this.path, this.#usedMs / 1_000, this.#usedMs / 1_000);
      return true;
    } catch (error) {
      // A file of another user can be read.
      return errorCode(error) !== 'ENOENT';
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#memory.forget(this);
    this.#release();
  }

  /** Whether it can be read; counts as a use. Looks for its file now and then. */
  isThere(): boolean {
    if (this.#isClosed) return false;
    this.#usedMs = Date.now();
    if (Math.abs(this.#usedMs - this.#lookedMs) < lookMs) return true;
    const size = statSync(this.path, { throwIfNoEntry: false })?.size;
    if (size === this.byteLength + trailerBytes && this.writeDate()) return true;
    this.close();
    return false;
  }

  // A descriptor that is closed during a read may by then belong to another file.
  #release(): void {
    if (this.#pendingReads === 0) closeSync(this.#descriptor);
  }
}
