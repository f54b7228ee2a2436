import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../dist/formats/tables/block-cache.js';

const few = { owner: 'ParquetDataset', blocks: 3, rows: 30 };

/** A cache of two blocks, and the names of the blocks that it had to make. */
function cacheOfTwo() {
  const cache = new BlockCache<string>(2, few);
  const made: string[] = [];
  const get = (name: string) =>
    cache.get(name, async () => {
      made.push(name);
      return name.toUpperCase();
    });
  return { get, made };
}

describe('BlockCache', () => {
  it('evicts the block that was used least recently, not the one that was made first', async () => {
    const { get, made } = cacheOfTwo();
    for (const name of ['a', 'b', 'a', 'c', 'a']) expect(await get(name)).toBe(name.toUpperCase());
    expect(made).toEqual(['a', 'b', 'c']);
    await get('b');
    expect(made).toEqual(['a', 'b', 'c', 'b']);
  });

  it('makes a block once for requests that come together', async () => {
    const { get, made } = cacheOfTwo();
    expect(await Promise.all([get('a'), get('a'), get('a')])).toEqual(['A', 'A', 'A']);
    expect(made).toEqual(['a']);
  });

  it('makes a block again after a failure', async () => {
    const cache = new BlockCache<string>(2, few);
    await expect(cache.get('a', () => Promise.reject(new Error('unreadable')))).rejects.toThrow('unreadable');
    expect(await cache.get('a', async () => 'A')).toBe('A');
  });

  it('warns once if rows in random order decode blocks again and again, and not otherwise', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error & { code?: string }): void => {
      if (warning.code === 'MILLRACE_BLOCKS_DECODED_AGAIN') warnings.push(warning.message);
    };
    process.on('warning', listen);
    const read = async (capacity: number, rows: number, blockOf: (k: number) => number): Promise<void> => {
      const cache = new BlockCache<number>(capacity, { owner: 'ParquetDataset', blocks: 40, rows });
      for (let k = 0; k < 3000; k++) await cache.get(`0/${blockOf(k)}`, async () => k);
    };
    await read(8, 4000, (k) => (k * 7) % 40);
    await read(8, 4000, (k) => Math.floor(k / 5) % 40);
    await read(40, 4000, (k) => (k * 7) % 40);
    await read(8, 400, (k) => (k * 7) % 40);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(warnings).toEqual([
      "ParquetDataset decoded 256 blocks for 256 rows, because rows come from all 40 blocks and 8 stay decoded. Use shuffle: 'shards' (each block is decoded about once), or cacheBlocks: 40 if all fit into memory.",
    ]);
  });
});
