import { warn } from '../../core/warn.js';

/** Blocks after whose decoding it is known whether their rows come in an order that suits the cache. */
const decodedBeforeWarning = 256;
/** Rows that a decoded block gives at least, if the order suits the cache. */
const fewestRows = 4;

/** What a warning says about a cache that is too small for the order of the rows. */
export interface CachedBlocks {
  /** Class of the dataset. */
  readonly owner: string;
  /** All blocks. */
  readonly blocks: number;
  readonly rows: number;
}

/**
 * The most recently used decoded blocks (LRU). Concurrent requests for a block decode it once. Warns once if most rows decode a block
 * again.
 */
export class BlockCache<B> {
  readonly #capacity: number;
  readonly #of: CachedBlocks;
  readonly #blocks = new Map<string, B | Promise<B>>();

  #requests = 0;
  #decoded = 0;

  /** @param capacity - Number of blocks that are kept. */
  constructor(capacity: number, of: CachedBlocks) {
    this.#capacity = capacity;
    this.#of = of;
  }

  /** Returns a block, synchronously if it is cached. */
  get(name: string, make: () => Promise<B>): B | Promise<B> {
    this.#requests += 1;
    const known = this.#blocks.get(name);
    if (known !== undefined) {
      // Reinsertion moves the entry to the end of the map, the most recently used.
      this.#blocks.delete(name);
      this.#blocks.set(name, known);
      return known;
    }
    this.#decoded += 1;
    if (this.#decoded === decodedBeforeWarning) this.#warnOfThrashing();
    const making = make().then(
      (block) => {
        if (this.#blocks.has(name)) this.#blocks.set(name, block);
        return block;
      },
      (error: unknown) => {
        this.#blocks.delete(name);
        throw error;
      },
    );
    this.#blocks.set(name, making);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#capacity) break;
      this.#blocks.delete(oldest);
    }
    return making;
  }

  #warnOfThrashing(): void {
    const { owner, blocks, rows } = this.#of;
    // Rows of tiny blocks decode one each in any order.
    const isTiny = rows / blocks < 4 * fewestRows;
    if (isTiny || this.#requests >= fewestRows * this.#decoded || blocks <= this.#capacity) return;
    warn({
      code: 'MILLRACE_BLOCKS_DECODED_AGAIN',
      message:
        `${owner} decoded ${this.#decoded} blocks for ${this.#requests} rows, because rows come from all ${blocks} blocks and ${this.#capacity} stay ` +
        `decoded. Use shuffle: 'shards' (each block is decoded about once), or cacheBlocks: ${blocks} if all fit into memory.`,
    });
  }
}
