// Entries of the cache stay open: what is read, what others see of their use, and when they are closed.
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openSource } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EntryMemory } from '../../dist/storage/entry-memory.js';
import { FileCache } from '../../dist/storage/file-cache.js';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from './object-server.js';

const bytes = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, k) => (k * 31) % 251));
const same = (found: Uint8Array | undefined, start: number, length: number) =>
  found !== undefined && Buffer.compare(found, bytes.subarray(start, start + length)) === 0;

let folder = '';
let fills = 0;
const fill = async (append: (piece: Uint8Array) => void) => {
  fills += 1;
  append(bytes);
};
const open = async (cache: FileCache, key = 'a') => (await cache.open(key, bytes.length, fill))!;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-open-'));
  fills = 0;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
const newCache = (maxBytes = 2 ** 30) => new FileCache({ folder, maxBytes });

describe('an open entry', () => {
  it('gives the bytes of any range, from its file and from memory, at once and with a promise', async () => {
    const entry = await open(newCache());
    // No bytes, at either end.
    for (const at of [0, bytes.length, 0]) expect(entry.readNow(at, 0)?.length).toBe(0);
    const ranges = fc.array(fc.tuple(fc.nat(bytes.length), fc.nat(3_000)), {
      minLength: 100,
      maxLength: 200,
    });
    await fc.assert(
      fc.asyncProperty(ranges, async (chosen) => {
        for (const [start, wanted] of chosen) {
          const length = Math.min(wanted, bytes.length - start);
          expect(same(entry.readNow(start, length), start, length)).toBe(true);
          const target = new Uint8Array(length);
          expect(await entry.read(target, start)).toBe(true);
          expect(same(target, start, length)).toBe(true);
        }
      }),
      { numRuns: searchSize({ short: 3, long: 30 }) },
    );
    const all = new Uint8Array(bytes.length);
    expect([await entry.read(all, 0), same(all, 0, all.length)]).toEqual([true, true]);
    // The trailer of the file is not content.
    expect(entry.readNow(bytes.length - 5, 6)).toBeUndefined();
    expect(fills).toBe(1);
  });

  it('that others evicted or cut is noticed after a quarter of a second, and made again', async () => {
    for (const spoil of [rmSync, (path: string) => truncateSync(path, 50)]) {
      const cache = newCache();
      const entry = await open(cache);
      for (let k = 0; k < 20; k++) entry.readNow(1_000 * k, 1_000);
      spoil(entry.path);
      later(251);
      expect(entry.readNow(10, 10)).toBeUndefined();
      expect(entry.isClosed).toBe(true);
      expect(same((await open(cache)).readNow(10, 10), 10, 10)).toBe(true);
    }
    expect(fills).toBe(3);
  });

  it('that is cut is not read past its end, even before that', async () => {
    const entry = await open(newCache());
    truncateSync(entry.path, 50);
    expect(entry.readNow(45, 10)).toBeUndefined();
    expect(await entry.read(new Uint8Array(10), 0)).toBe(false);
  });

  it('has the date of its last use in its file, at most a quarter of a second late', async () => {
    const entry = await open(newCache());
    const dateOf = () => Math.round(statSync(entry.path).mtimeMs);
    const opened = Date.now();
    utimesSync(entry.path, opened / 1_000, opened / 1_000);
    later(200);
    entry.readNow(0, 10);
    expect(dateOf()).toBe(opened);
    later(60);
    entry.readNow(0, 10);
    expect(dateOf()).toBe(opened + 260);
  });

  it('counts as used when its process evicts, whatever the date in its file', async () => {
    const cache = newCache(3.5 * bytes.length);
    const first = await open(cache, 'a');
    later(10);
    const { path } = await open(cache, 'b');
    later(10);
    await open(cache, 'c');
    later(10);
    first.readNow(0, 10);
    await open(cache, 'd');
    const kept = readdirSync(folder, { recursive: true }).map(String).join();
    expect([first.isClosed, kept.includes(first.path.slice(-40))]).toEqual([false, true]);
    expect(kept.includes(path.slice(-40))).toBe(false);
  });

  it('closes when it is evicted here, and when many others are opened', async () => {
    const cache = newCache(2.5 * bytes.length);
    const first = await open(cache, 'a');
    for (const key of ['b', 'c', 'd']) {
      later(10);
      await open(cache, key);
    }
    expect([first.isClosed, first.readNow(0, 1)]).toEqual([true, undefined]);
    const tiny = newCache();
    const entries = [];
    for (let k = 0; k < 520; k++)
      entries.push((await tiny.open(`tiny ${k}`, 1, async (append) => append(bytes.subarray(0, 1))))!);
    expect(entries.filter(({ isClosed }) => isClosed)).toEqual(entries.slice(0, 8));
  });
});

describe('the memory for entries', () => {
  const entryOf = (byteLength: number) => ({
    byteLength,
    fill: (target: Uint8Array) => Boolean(target.fill(7)),
  });

  it('keeps blocks of which many small parts are read, within 64 MiB, and drops none that is still read', () => {
    const memory = new EntryMemory();
    const entries = Array.from({ length: 100 }, () => entryOf(2 ** 20));
    const kept = (from: number, to: number) =>
      entries.slice(from, to).filter((entry) => memory.contentOf(entry, 1)).length;
    expect(memory.contentOf(entries[0]!, 2 ** 16)).toBeUndefined();
    for (let round = 0; round < 200; round++) for (const entry of entries) memory.contentOf(entry, 4_096);
    expect(kept(0, 64)).toBe(64);
    expect(kept(64, 100)).toBe(0);
    // The first are read no more; others take their place.
    for (let round = 0; round < 400; round++)
      for (const entry of entries.slice(36)) memory.contentOf(entry, 4_096);
    expect(kept(36, 100)).toBe(64);
    for (const entry of entries) memory.forget(entry);
  });
});

it('entries that are written at once stay within the size of the cache, though together they are more', async () => {
  const maxBytes = 3 * bytes.length;
  const cache = newCache(maxBytes);
  await Promise.all(['a', 'b', 'c'].map((key) => open(cache, key)));
  const kept = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  expect(kept.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(maxBytes);
  expect(kept.length).toBeGreaterThan(0);
});

describe('a program', () => {
  const server = new ObjectServer();
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  it('that replaces fetch sees the requests', async () => {
    const url = server.put('/seen', bytes);
    const seen: string[] = [];
    const own = globalThis.fetch;
    vi.stubGlobal('fetch', (request: Request, init?: RequestInit) => {
      seen.push(request.url);
      return own(request, init);
    });
    try {
      expect(same(await (await openSource(url)).read(0, 10), 0, 10)).toBe(true);
    } finally {
      vi.unstubAllGlobals();
    }
    expect(seen).toEqual([url, url]);
  });

  it('that sets how undici connects makes the connections', async () => {
    const url = server.put('/connected', bytes);
    // Undici keeps its dispatcher here. A request makes the default one.
    const key = Symbol.for('undici.globalDispatcher.1');
    new Request(url);
    const own = Reflect.get(globalThis, key) as object;
    let connections = 0;
    const Agent = own.constructor as new (options: object) => object;
    const connect = (
      { hostname, port }: { hostname: string; port: string },
      done: (...args: unknown[]) => void,
    ) => {
      connections += 1;
      const socket: Socket = createConnection({ host: hostname, port: Number(port) }, () =>
        done(null, socket),
      );
    };
    Reflect.set(globalThis, key, new Agent({ connect }));
    try {
      expect(same(await (await openSource(url)).read(0, 10), 0, 10)).toBe(true);
    } finally {
      Reflect.set(globalThis, key, own);
    }
    expect(connections).toBeGreaterThan(0);
  });
});
