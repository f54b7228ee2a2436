import { setImmediate as turn } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { StorageError } from '../core/errors.js';
import { type MakeFromRecipe, type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { timeRead, timeReadSync } from '../core/stage-clock.js';
import { errorCode, messageOf } from '../core/thrown.js';
import { warn } from '../core/warn.js';
import { allocate } from './allocate.js';
import type { ByteSource } from './byte-source.js';
import { type FileCache, isSystemError } from './file-cache.js';
import type { OpenEntry } from './open-entry.js';
import type { RemoteSource } from './remote-source.js';
import { type CacheOptions, cacheOf } from './shard-cache.js';
import { checkRange } from './truncated.js';

/** Bytes per block, which is stored as a unit; the last of an object has up to half as many more. Blocks side by side that are read together are fetched by one request. */
const blockBytes = 2 ** 20;
/** Blocks that are fetched together, in one request, where an object is read in order. */
const runBlocks = 8;
/** Runs that a stream fetches ahead. */
const runsAhead = 2;
/** Most runs that prefetching fetches at once, over all objects: 64 MiB. */
const prefetching = 8;
/** How long a requested or seen block is assumed to be present, in milliseconds: checking costs a system call. */
const rememberedMs = 10_000;

/**
 * A remote object that is cached on disk in blocks of 1 MiB, as they are read. Processes and threads share the blocks. A
 * failing disk costs time but does not end the run: the object is then read without a cache, with one warning, and the cache is
 * retried after a minute.
 */
export class CachedSource implements ByteSource, Movable {
  /** Marks sources whose {@link CachedSource.prefetch} fetches remote bytes. */
  readonly fetchesAhead = true as const;
  readonly name: string;
  readonly byteLength: number;
  readonly #remote: RemoteSource;
  readonly #options: true | CacheOptions;
  readonly #cache: FileCache;
  /** An object without a version might be another one in the next run. */
  readonly #hasVersion: boolean;
  readonly #blocks: number;
  /** Time at which blocks were requested or seen. */
  readonly #seen = new Map<number, number>();
  /** Blocks that were read before and are open. */
  readonly #open = new Map<number, OpenEntry>();
  #closed = false;

  constructor(remote: RemoteSource, options: true | CacheOptions) {
    this.name = remote.name;
    this.byteLength = remote.byteLength;
    this.#remote = remote;
    this.#options = options;
    this.#cache = cacheOf(options);
    this.#hasVersion = remote.contentVersion() !== null;
    this.#blocks = Math.max(1, Math.round(remote.byteLength / blockBytes));
    if (this.#hasVersion) return;
    warn({
      code: 'MILLRACE_CACHE',
      message:
        `${this.name} is not kept in the cache: its server sends neither ETag nor Last-Modified, so a change would go unnoticed. ` +
        'Copy it to a disk, or to a server that sends one of them.',
    });
  }

  read(start: number, end: number): Promise<Uint8Array> {
    return timeRead(() => this.#readBlocks(start, end));
  }

  readNow(start: number, end: number): Uint8Array | undefined {
    const block = this.#blockOf(start);
    return timeReadSync(() => this.#open.get(block)?.readNow(start - block * blockBytes, end - start));
  }

  async #readBlocks(start: number, end: number): Promise<Uint8Array> {
    this.#checkOpen();
    checkRange(this.name, this.byteLength, start, end);
    const bytes = allocate(this.name, end - start);
    const first = this.#blockOf(start);
    const last = this.#blockOf(end - 1);
    const blocks = Array.from({ length: start === end ? 0 : last + 1 - first }, (_, k) => first + k);
    await Promise.all(
      blocks.map((block) => {
        const from = Math.max(start, block * blockBytes);
        const to = Math.min(end, this.#endOf(block));
        return this.#readBlock(block, from, bytes.subarray(from - start, to - start));
      }),
    );
    return bytes;
  }

  async *stream(start = 0): AsyncGenerator<Uint8Array> {
    this.#checkOpen();
    checkRange(this.name, this.byteLength, start, this.byteLength);
    const read = (at: number) => {
      const end = this.#endOf(endOfRun(this.#blockOf(at)) - 1);
      const reading = this.read(at, end);
      // A failure is thrown when the block is read.
      reading.catch(() => {});
      return { reading, end };
    };
    const ahead: Promise<Uint8Array>[] = [];
    for (let at = start; at < this.byteLength || ahead.length > 0; ) {
      while (at < this.byteLength && ahead.length <= runsAhead) {
        const { reading, end } = read(at);
        ahead.push(reading);
        at = end;
      }
      yield await ahead.shift()!;
    }
  }

  /**
   * Fetches the blocks of a range in the background, in the order of the calls, at most 64 MiB at once; where an object is read in
   * order, up to 8 MiB of it. Errors are thrown when the blocks are read.
   *
   * @returns the bytes of blocks that were neither present nor requested
   */
  prefetch(start = 0, end = this.byteLength): number {
    if (this.#closed || !this.#hasVersion || isBroken(this.#cache)) return 0;
    let bytes = 0;
    /** Blocks to fetch together. */
    const runs = new Map<number, number[]>();
    const now = performance.now();
    if (start >= Math.min(end, this.byteLength)) return 0;
    const first = this.#blockOf(start);
    let last = this.#blockOf(end - 1);
    const isSeen = (block: number) =>
      now - (this.#seen.get(block) ?? Number.NEGATIVE_INFINITY) < rememberedMs;
    if (isSeen(first - 1) && !isSeen(last)) last = Math.min(endOfRun(last), this.#blocks) - 1;
    for (let block = first; block <= last; block++) {
      if (isSeen(block)) continue;
      this.#seen.set(block, now);
      if (this.#cache.holds(this.#keyOf(block))) continue;
      bytes += this.#endOf(block) - block * blockBytes;
      const run = endOfRun(block);
      runs.set(run, [...(runs.get(run) ?? []), block]);
    }
    for (const blocks of runs.values()) {
      const fetchRun = () => Promise.all(blocks.map((block) => this.#openBlock(block)));
      void limitOf(this.#cache)(fetchRun).catch(() => {});
    }
    return bytes;
  }

  contentTag(): string | undefined {
    return this.#remote.contentTag();
  }

  contentVersion(): string | null {
    return this.#remote.contentVersion();
  }

  readPast(start: number, end: number): Promise<Uint8Array> {
    return this.#remote.read(start, end);
  }

  /** Fetches these bytes alone, and keeps them in an entry of their own, unless a block holds them. */
  async readApart(start: number, end: number): Promise<Uint8Array> {
    this.#checkOpen();
    checkRange(this.name, this.byteLength, start, end);
    const block = this.#blockOf(start);
    const isKept = end <= this.#endOf(block) && this.#cache.holds(this.#keyOf(block));
    if (start === end || isKept) return this.read(start, end);
    const bytes = allocate(this.name, end - start);
    const key = JSON.stringify([this.contentVersion(), start, end]);
    const open = () =>
      this.#cache.open(key, bytes.length, async (append) => append(await this.#remote.read(start, end)));
    const entry = await timeRead(() => this.#readEntry(open, 0, start, bytes));
    entry?.close();
    return bytes;
  }

  [toRecipe](): Recipe {
    return { builtIn: 'CachedSource', args: { remote: this.#remote[toRecipe](), options: this.#options } };
  }

  static async fromRecipe(
    { remote, options }: { remote: Recipe; options: true | CacheOptions },
    make: MakeFromRecipe,
  ): Promise<CachedSource> {
    return new CachedSource(await make<RemoteSource>(remote), options);
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#open.values()) entry.close();
    this.#open.clear();
    this.#remote.close();
  }

  #blockOf(at: number): number {
    return Math.min(Math.floor(at / blockBytes), this.#blocks - 1);
  }

  #endOf(block: number): number {
    return block >= this.#blocks - 1 ? this.byteLength : (block + 1) * blockBytes;
  }

  #keyOf(block: number): string {
    // With the size: another version of Millrace may have blocks of another size.
    return JSON.stringify([this.contentVersion(), `${blockBytes} bytes`, block]);
  }

  #openBlock(block: number): Promise<OpenEntry | undefined> {
    const start = block * blockBytes;
    const end = this.#endOf(block);
    return this.#cache.open(this.#keyOf(block), end - start, async (append) => {
      const bytes = await this.#remote.read(start, end);
      // Writing many blocks does not keep others waiting. Before the write: an entry that is changed while it is written would be trusted.
      await turn();
      append(bytes);
    });
  }

  async #readBlock(block: number, start: number, target: Uint8Array): Promise<void> {
    const open = () => {
      const known = this.#open.get(block);
      return known && !known.isClosed ? known : this.#openBlock(block);
    };
    const entry = await this.#readEntry(open, start - block * blockBytes, start, target);
    if (entry && !this.#closed) this.#open.set(block, entry);
  }

  /**
   * Reads from an entry of the cache, or past a cache that cannot be used.
   *
   * @param offset - Where the bytes are in the entry.
   * @param start - Where they are in the object.
   * @returns the entry, if it was read
   */
  async #readEntry(
    open: () => OpenEntry | Promise<OpenEntry | undefined>,
    offset: number,
    start: number,
    target: Uint8Array,
  ): Promise<OpenEntry | undefined> {
    if (this.#hasVersion && !isBroken(this.#cache)) {
      try {
        // Evicted between two steps: fetch it again.
        for (let tries = 0; tries < 3; tries++) {
          const entry = await open();
          if (await entry?.read(target, offset)) return entry;
        }
      } catch (error) {
        if (!isSystemError(error)) throw error;
        markBroken(this.#cache, error);
      }
    }
    target.set(await this.#remote.read(start, start + target.length));
    return undefined;
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new StorageError('Cannot read the object: it was closed', {
      where: { url: this.name },
      next: 'Open it again, or close it later.',
    });
  }
}

/** The end of the run of blocks that a block belongs to. */
function endOfRun(block: number): number {
  return (Math.floor(block / runBlocks) + 1) * runBlocks;
}

/** How long a failing cache is not used, in milliseconds. */
const leftAloneMs = 60_000;
/** Time of the last failure of each cache. */
const broken = new WeakMap<FileCache, number>();

function isBroken(cache: FileCache): boolean {
  return performance.now() - (broken.get(cache) ?? Number.NEGATIVE_INFINITY) < leftAloneMs;
}

const limits = new WeakMap<FileCache, LimitFunction>();

function limitOf(cache: FileCache): LimitFunction {
  const limit = limits.get(cache) ?? pLimit(prefetching);
  limits.set(cache, limit);
  return limit;
}

function markBroken(cache: FileCache, error: unknown): void {
  const isKnown = broken.has(cache);
  broken.set(cache, performance.now());
  if (isKnown) return;
  warn({
    code: 'MILLRACE_CACHE',
    message:
      `The cache in ${cache.folder} cannot be used (${errorCode(error) ?? messageOf(error)}): data is read without it, and the cache is tried again in a minute. ` +
      'Free disk space there, or set MILLRACE_CACHE to another folder.',
  });
}
