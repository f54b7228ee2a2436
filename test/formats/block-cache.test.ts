import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../dist/formats/tables/block-cache.js';

/** A cache of two blocks, and the names of the blocks that it had to make. */
function cacheOfTwo() {
  const cache = new BlockCache<string>(2);
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
    const cache = new BlockCache<string>(2);
    await expect(cache.get('a', () => Promise.reject(new Error('unreadable')))).rejects.toThrow('unreadable');
    expect(await cache.get('a', async () => 'A')).toBe('A');
  });
});
