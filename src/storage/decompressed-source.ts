import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '../core/errors.js';
import { isNode } from '../core/platform.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { errorCode } from '../core/thrown.js';
import { warn } from '../core/warn.js';
import type { ByteSource } from './byte-source.js';
import { contentBytes } from './cache-entry.js';
import { type Compression, decompress, decompressInMemory } from './decompress.js';
import { FileCache, isSystemError } from './file-cache.js';
import { FileSource } from './file-source.js';
import { MemorySource } from './memory-source.js';
import { type CacheOptions, cacheOf } from './shard-cache.js';
import { storageFailure } from './storage-failure.js';

/** How often an entry is recreated that was evicted before it could be opened. */
const mostTries = 3;

/** Options of a compressed file. */
export interface DecompressedOptions {
  readonly compression: Compression;
  readonly cache: true | CacheOptions;
  /** See {@link StorageOptions.maxDecompressedBytes}. */
  readonly maxDecompressedBytes: number;
}

/**
 * The content of a compressed file, stored in the cache: it has random access, and the next run does not decompress it again.
 */
export class DecompressedSource extends FileSource implements Movable {
  readonly #packed: ByteSource;
  readonly #how: DecompressedOptions;

  private constructor(path: string, byteLength: number, packed: ByteSource, how: DecompressedOptions) {
    super(path, { byteLength, name: packed.name });
    this.#packed = packed;
    this.#how = how;
  }

  /**
   * Decompresses the file, unless the cache has its content. A source in memory is decompressed into memory. If the cache
   * fails, the content goes to a temporary folder, with one warning.
   *
   * @throws {@link FormatError} if the file is damaged or truncated; {@link StorageError} if neither the cache nor a temporary
   *   folder can be written.
   */
  static async open(packed: ByteSource, how: DecompressedOptions): Promise<ByteSource> {
    // Browsers have no file cache.
    const version = isNode ? (packed.contentVersion?.() ?? null) : null;
    if (version === null) {
      const bytes = await decompressInMemory(packed, how.compression, how.maxDecompressedBytes);
      return new MemorySource(bytes, packed.name);
    }
    const key = JSON.stringify([packed.name, version, how.compression]);
    const cache = cacheOf(how.cache);
    try {
      return await DecompressedSource.#openEntry(cache, key, packed, how);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      warnOfTemporary(cache, error);
    }
    const temporary = temporaryCache();
    try {
      return await DecompressedSource.#openEntry(temporary, key, packed, how);
    } catch (error) {
      throw isSystemError(error) ? storageFailure('write', temporary.folder, error) : error;
    }
  }

  static async #openEntry(
    cache: FileCache,
    key: string,
    packed: ByteSource,
    how: DecompressedOptions,
  ): Promise<DecompressedSource> {
    // Evicted right after it was created: create it again.
    for (let tries = 0; tries < mostTries; tries++) {
      const path = await cache.entry(key, undefined, async (append) => {
        for await (const piece of decompress(packed, how.compression)) append(piece);
      });
      const length = lengthOf(path);
      if (length !== undefined) return new DecompressedSource(path, length, packed, how);
    }
    throw new StorageError('The cache evicts files before they can be read', {
      where: { file: packed.name, folder: cache.folder, maxBytes: cache.maxBytes },
      next: 'Raise cache: { maxBytes }, or set MILLRACE_CACHE to a folder that nothing else empties.',
    });
  }

  override contentVersion(): string | null {
    return this.#packed.contentVersion?.() ?? null;
  }

  override [toRecipe](): Recipe {
    return {
      builtIn: 'DecompressedSource',
      args: { packed: recipeOf(this.#packed, 'source'), how: this.#how },
    };
  }

  static async openFromRecipe(
    { packed, how }: { packed: Recipe; how: DecompressedOptions },
    make: MakeFromRecipe,
  ): Promise<ByteSource> {
    return DecompressedSource.open(await make<ByteSource>(packed), how);
  }

  override close(): void {
    super.close();
    this.#packed.close();
  }
}

function lengthOf(path: string): number | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return contentBytes(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

let temporary: FileCache | undefined;

/** A folder that is removed when this process or thread ends. */
function temporaryCache(): FileCache {
  if (temporary) return temporary;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  temporary = new FileCache({ folder, maxBytes: Number.MAX_SAFE_INTEGER });
  return temporary;
}

const warnedOf = new WeakSet<FileCache>();

function warnOfTemporary(cache: FileCache, error: unknown): void {
  if (warnedOf.has(cache)) return;
  warnedOf.add(cache);
  warn({
    code: 'MILLRACE_CACHE',
    message:
      `The cache in ${cache.folder} cannot be used (${errorCode(error)}): files are decompressed into ${tmpdir()}, for this run only. ` +
      'Free disk space there, or set MILLRACE_CACHE to another folder.',
  });
}
