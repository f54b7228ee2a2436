import { closeSync, openSync } from 'node:fs';
import { isNode } from '../core/platform.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import type { ByteSource } from './byte-source.js';
import { type Compression, decompress, decompressInMemory } from './decompress.js';
import { contentBytes } from './file-cache.js';
import { FileSource } from './file-source.js';
import { MemorySource } from './memory-source.js';
import { type CacheOptions, cacheOf } from './shard-cache.js';
import { storageFailure } from './storage-failure.js';

/** How a compressed file is opened. */
export interface DecompressedOptions {
  readonly compression: Compression;
  readonly cache: true | CacheOptions;
  /** See {@link StorageOptions.maxDecompressedBytes}. */
  readonly maxDecompressedBytes: number;
}

/**
 * The content of a compressed file, which the cache keeps: it can be read at any place, and the next run does not decompress it again.
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
   * Decompresses the file, unless the cache has its content. What is in memory is decompressed into memory.
   *
   * @throws {@link FormatError} when the file is damaged or cut short; {@link StorageError} when the cache cannot be written.
   */
  static async open(packed: ByteSource, how: DecompressedOptions): Promise<ByteSource> {
    // A browser keeps no files.
    const version = isNode ? (packed.contentVersion?.() ?? null) : null;
    if (version === null) {
      const bytes = await decompressInMemory(packed, how.compression, how.maxDecompressedBytes);
      return new MemorySource(bytes, packed.name);
    }
    const cache = cacheOf(how.cache);
    const key = JSON.stringify([packed.name, version, how.compression]);
    // Evicted right after it was made, it is made again.
    for (;;) {
      const path = await cache
        .entry(key, undefined, async (append) => {
          for await (const piece of decompress(packed, how.compression)) append(piece);
        })
        .catch((error: { syscall?: string }) => {
          throw error.syscall ? storageFailure('write', cache.folder, error) : error;
        });
      const length = lengthOf(path);
      if (length !== undefined) return new DecompressedSource(path, length, packed, how);
    }
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
    return DecompressedSource.open((await make(packed)) as ByteSource, how);
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
