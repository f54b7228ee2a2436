import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { bytesPerElement } from '../core/dtype.js';
import { StorageError } from '../core/errors.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { timeRead, timeReadSync } from '../core/stage-clock.js';
import type { ByteRanges, LocalSource } from './byte-source.js';
import { MemoryMap } from './memory-map.js';
import { groupRanges } from './range-groups.js';
import { ReadSpeed } from './read-speed.js';
import { storageFailure } from './storage-failure.js';
import { checkRange, checkRanges, truncated } from './truncated.js';

const readAsync = promisify(read);

/** The operating system refuses reads of 2 GiB or more. */
const maxReadBytes = 2 ** 30;

/** Reads in progress for prefetching without a memory map. */
const maxPrefetching = 64;

/** Bytes per chunk of a stream. */
const streamBytes = 2 ** 20;

/** How long a mapped file is assumed to keep its length, in milliseconds. */
const lookMs = 1;

export interface FileSourceOptions {
  /**
   * Whether many ranges are read through a memory map, which koffi (an optional peer) provides on Linux and macOS. It is
   * faster, but a file that is truncated during a read ends the process. `'auto'` uses one if available.
   * @defaultValue `'auto'`
   */
  readonly memoryMap?: 'auto' | false;
  /** Bytes of the file that are read, from its start. @defaultValue all */
  readonly byteLength?: number;
  /** Name in messages. @defaultValue the path */
  readonly name?: string;
}

/**
 * A local file, read by offset through one descriptor, so that reads may overlap.
 *
 * @throws {@link StorageError} if the file cannot be opened.
 */
export class FileSource implements LocalSource, Movable {
  readonly name: string;
  readonly byteLength: number;
  readonly #path: string;
  readonly #options: FileSourceOptions;
  readonly #descriptor: number;
  /** `null` before the first use; `undefined` if no map is available. */
  #map: MemoryMap | undefined | null = null;
  readonly #speed = new ReadSpeed();
  #scratch = new Uint8Array(0);
  #prefetching = 0;
  /** Time of the last check for truncation of a mapped file. */
  #lastLook = Number.NEGATIVE_INFINITY;
  #pendingReads = 0;
  #closed = false;

  constructor(path: string, options: FileSourceOptions = {}) {
    this.name = options.name ?? path;
    this.#path = path;
    this.#options = options;
    if (options.memoryMap === false) this.#map = undefined;
    this.#descriptor = openForReading(path);
    this.byteLength = options.byteLength ?? fstatSync(this.#descriptor).size;
  }

  get isMapped(): boolean {
    return !this.#closed && this.#mapped() !== undefined;
  }

  read(start: number, end: number): Promise<Uint8Array> {
    return timeRead(() => this.#read(start, end));
  }

  async #read(start: number, end: number): Promise<Uint8Array> {
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

  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    for (let at = start; at < this.byteLength; at += streamBytes)
      yield await this.read(at, Math.min(at + streamBytes, this.byteLength));
  }

  readSync(start: number, end: number): Uint8Array {
    const bytes = this.#makeRoom(start, end);
    timeReadSync(() => this.#fill(bytes, 0, start, bytes.length));
    return bytes;
  }

  readRangesSync(ranges: ByteRanges, target: Uint8Array, stride: number): void {
    const { starts, length } = ranges;
    this.#checkOpen();
    checkRanges(this.name, this.byteLength, ranges, target, stride);
    const started = performance.now();
    const map = this.#mapped();
    timeReadSync(() => {
      if (map) this.#copyRanges(map, ranges, target, stride);
      else this.#readGroups(ranges, target, stride);
    });
    this.#speed.record(performance.now() - started, starts.length, starts.length * length);
  }

  /** Present if the file is mapped into memory. */
  get replaceByElements(): LocalSource['replaceByElements'] {
    const map = this.isMapped ? this.#mapped() : undefined;
    if (!map) return undefined;
    return (places, dtype) => {
      this.#checkOpen();
      const bytes = bytesPerElement(dtype);
      const limit = this.#sizeNow() ?? this.byteLength;
      for (let k = 0; k < places.length; k++) {
        const start = places[k]! * bytes;
        if (!(start >= 0 && start + bytes <= limit)) checkRange(this.name, limit, start, start + bytes);
      }
      map.replaceByElements(places, dtype);
    };
  }

  prefetch({ starts, length }: ByteRanges): void {
    // Advising the system costs as much as reading data that it has in memory.
    if (!this.#speed.cold || this.#closed) return;
    const map = this.#mapped();
    for (let k = 0; k < starts.length; k++) {
      const isInside = starts[k]! >= 0 && starts[k]! + length <= this.byteLength;
      if (!isInside) continue;
      if (map) map.willNeed(starts[k]!, length);
      else if (this.#prefetching < maxPrefetching) void this.#warm(starts[k]!, length);
    }
  }

  contentVersion(): string | null {
    this.#checkOpen();
    const { size, mtimeNs, ino } = fstatSync(this.#descriptor, { bigint: true });
    return `${size} ${mtimeNs} ${ino}`;
  }

  [toRecipe](): Recipe {
    return { builtIn: 'FileSource', args: { path: resolve(this.#path), options: this.#options } };
  }

  static fromRecipe({ path, options }: { path: string; options: FileSourceOptions }): FileSource {
    return new FileSource(path, options);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#map?.close();
    this.#map = undefined;
    this.#release();
  }

  #makeRoom(start: number, end: number): Uint8Array {
    this.#checkOpen();
    checkRange(this.name, this.byteLength, start, end);
    return new Uint8Array(end - start);
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new StorageError('Cannot read the file: it was closed', {
      where: { file: this.name },
      next: 'Open it again, or close it later.',
    });
  }

  #mapped(): MemoryMap | undefined {
    if (this.#map === null) this.#map = MemoryMap.open(this.#descriptor, this.byteLength);
    return this.#map;
  }

  #copyRanges(map: MemoryMap, { starts, length }: ByteRanges, target: Uint8Array, stride: number): void {
    const size = this.#sizeNow() ?? this.byteLength;
    for (let k = 0; k < starts.length && size < this.byteLength; k++)
      checkRange(this.name, size, starts[k]!, starts[k]! + length);
    if (this.#speed.cold) for (let k = 0; k < starts.length; k++) map.willNeed(starts[k]!, length);
    map.copyRanges({ starts, length }, target, stride);
  }

  /**
   * Checks the size of the file now and then: reading a mapped page past its end would end the process, and each check costs as
   * much as a few ranges.
   */
  #sizeNow(): number | undefined {
    const now = performance.now();
    if (now - this.#lastLook <= lookMs) return undefined;
    const { size } = fstatSync(this.#descriptor);
    // A truncated file is checked every time.
    if (size >= this.byteLength) this.#lastLook = now;
    return size;
  }

  #readGroups(ranges: ByteRanges, target: Uint8Array, stride: number): void {
    const { starts, length } = ranges;
    for (const { start, end, members } of groupRanges(ranges)) {
      const [first] = members as [number];
      if (members.length === 1) {
        this.#fill(target, first * stride + (start % 8), start, length);
        continue;
      }
      if (this.#scratch.length < end - start) this.#scratch = new Uint8Array(end - start);
      this.#fill(this.#scratch, 0, start, end - start);
      for (const k of members) {
        const from = starts[k]! - start;
        target.set(this.#scratch.subarray(from, from + length), k * stride + (starts[k]! % 8));
      }
    }
  }

  /** Reads bytes `start … start + length - 1` of the file into `target` at `offset`. */
  #fill(target: Uint8Array, offset: number, start: number, length: number): void {
    try {
      for (let filled = 0; filled < length; ) {
        const wanted = Math.min(length - filled, maxReadBytes);
        const bytesRead = readSync(this.#descriptor, target, offset + filled, wanted, start + filled);
        if (bytesRead === 0) throw truncated(this.name, start, length, filled);
        filled += bytesRead;
      }
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  /** Reads a range into the page cache of the system. Errors are thrown when the range is read for use. */
  async #warm(start: number, length: number): Promise<void> {
    this.#prefetching++;
    await this.#read(start, start + length).catch(() => {});
    this.#prefetching--;
  }

  #failure(cause: unknown): unknown {
    return 'syscall' in (cause as object) ? storageFailure('read', this.name, cause) : cause;
  }

  // A descriptor that is closed during a read may by then belong to another file.
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
    throw storageFailure('open', path, Object.assign(new Error('it is a folder'), { code: 'EISDIR' }));
  }
  return descriptor;
}
