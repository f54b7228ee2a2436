// What goes wrong with a cache costs time, not the run; and what it holds is of one object, of one user.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { JsonlDataset, openDataset } from 'millrace/formats';
import { openSource } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from './object-server.js';

/** Bytes that are fetched together where an object is read in order: 8 blocks. */
const runBytes = 2 ** 23;
const content = Buffer.alloc(2 * runBytes + 1_000);
for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(Math.imul(i, 0x9e3779b1) >>> 0, i);
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));

const server = new ObjectServer();
let folder = '';
let url = '';
let warnings: string[] = [];
const listen = ({ message }: Error) => warnings.push(message);
beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-trouble-'));
  url = server.put('/content', content);
  server.onRequest = undefined;
  server.requests.length = 0;
  warnings = [];
  process.on('warning', listen);
});
afterEach(() => {
  process.off('warning', listen);
  rmSync(folder, { recursive: true, force: true });
});

const files = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
const isFolder = () => existsSync(folder) && statSync(folder).isDirectory();
const dataRequests = () => server.requests.filter(({ headers }) => headers.range !== 'bytes=0-1').length;

/** Compares bytes of four blocks with what they are. */
async function check(source: { read(start: number, end: number): Promise<Uint8Array> }): Promise<void> {
  for (const start of [0, runBytes - 5, 2 * runBytes + 990])
    expect(Buffer.compare(await source.read(start, start + 10), content.subarray(start, start + 10))).toBe(0);
}

describe('a cache that is', () => {
  const inFuture = new Date(Date.now() + 400 * 86_400_000);
  const attempt = (work: () => void) => {
    try {
      work();
    } catch {
      // It is gone already.
    }
  };
  const sabotages: Record<string, () => void> = {
    deleted: () => rmSync(folder, { recursive: true, force: true }),
    emptied: () => {
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        rmSync(join(folder, name), { recursive: true, force: true });
    },
    garbled: () => {
      // As another file: a thread that has the damaged one open would notice only after 250 ms.
      for (const path of files())
        attempt(() => {
          rmSync(path);
          writeFileSync(path, 'nonsense');
        });
    },
    truncated: () => {
      for (const path of files()) attempt(() => truncateSync(path, statSync(path).size >> 1));
    },
    dated: () => {
      for (const path of files()) attempt(() => utimesSync(path, inFuture, inFuture));
    },
    blocked: () => {
      for (const path of files())
        attempt(() => {
          rmSync(path);
          mkdirSync(path);
        });
    },
    replaced: () => {
      rmSync(folder, { recursive: true, force: true });
      writeFileSync(folder, '');
    },
  };

  it('deleted, emptied, damaged, blocked or dated in the future, at any moment, gives the bytes that are right', async () => {
    let caches = 0;
    const kind = fc.constantFrom(...Object.keys(sabotages));
    const moments = fc.array(fc.tuple(fc.nat(4), fc.nat(6), kind), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(moments, async (planned) => {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
        let request = 0;
        // While a block is under way, its entry is half written.
        server.onRequest = () => {
          request += 1;
          for (const [, at, name] of planned) if (at === request && isFolder()) sabotages[name]!();
          return false;
        };
        // A cache with trouble is left alone for a while: each run has one of its own.
        caches += 10;
        const source = await openSource(url, { cache: { folder, maxBytes: 2 ** 30 + caches } });
        for (let round = 0; round < 3; round++) {
          for (const [at, , name] of planned) if (at === round && isFolder()) sabotages[name]!();
          // Another process has not looked at the entries before.
          await check(
            round === 2
              ? await openSource(url, { cache: { folder, maxBytes: 2 ** 30 + caches + 1 } })
              : source,
          );
        }
      }),
      { numRuns: searchSize({ short: 5, long: 25 }) },
    );
  });

  it.skipIf(!existsSync('/proc/self'))(
    'nowhere is read past, with one warning, for compressed files too',
    async () => {
      // No user can make a folder there: ENOENT.
      const cache = { folder: '/proc/millrace' };
      await check(await openSource(url, { cache }));
      for (const name of ['rows.jsonl.gz', 'rows.jsonl.zst']) {
        const dataset = await JsonlDataset.open(server.put(`/${name}`, readFileSync(fixture(name))), {
          cache,
        });
        expect(dataset.length).toBe(1_000);
        expect(await dataset.get(999)).toMatchObject({ id: 999 });
        dataset.close();
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(
        warnings.map((message) => /\/proc\/millrace cannot be used \(\w+\): (\w+)/.exec(message)?.[1]),
      ).toEqual(['data', 'files']);
    },
  );

  it('locked by a date in the future is used at once', async () => {
    await check(await openSource(url, { cache: { folder } }));
    for (const path of files()) {
      rmSync(path);
      writeFileSync(`${path}.lock`, '1 another-machine');
      utimesSync(`${path}.lock`, inFuture, inFuture);
    }
    // Another process has no entries open, from which it could still read.
    await check(await openSource(url, { cache: { folder, maxBytes: 2 ** 30 } }));
    expect(files().filter((path) => path.endsWith('.lock'))).toEqual([]);
    expect(files()).toHaveLength(4);
  });

  it('smaller than what it must hold keeps what is in use, and is written once', async () => {
    const text = Buffer.alloc(24 * 2 ** 20, '{"a":1}\n');
    const cache = { folder, maxBytes: 2 ** 24 };
    const opened: JsonlDataset<unknown>[] = [];
    for (const name of ['a', 'b']) {
      writeFileSync(join(folder, `${name}.jsonl.gz`), gzipSync(text));
      opened.push(await JsonlDataset.open(join(folder, `${name}.jsonl.gz`), { cache }));
    }
    for (const dataset of opened) {
      expect(dataset.length).toBe(text.length / 8);
      expect(await dataset.get(dataset.length - 1)).toEqual({ a: 1 });
      dataset.close();
    }
  });
});

describe('entries of the cache belong to one object', () => {
  // The version is what nginx makes of time and size: the same for files that are written together.
  const etag = '"65920080-3e8"';
  const read = async (address: string, headers = {}) => {
    const source = await openSource(address, { cache: { folder }, headers });
    try {
      return Buffer.from(await source.read(0, 5)).toString();
    } finally {
      source.close();
    }
  };
  beforeEach(() => {
    server.onRequest = (request, response) => {
      const address = new URL(request.url!, 'http://host');
      const asked = address.searchParams.get('file') ?? request.headers['x-user'] ?? '';
      const user = atob((request.headers.authorization ?? '').replace(/^Basic /, '')).split(':')[0];
      const body = Buffer.alloc(1_000, String(asked || user || address.pathname.at(-1)));
      const [, from = '0', to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
      const part = body.subarray(Number(from), to ? Number(to) + 1 : undefined);
      const range = { 'content-range': `bytes ${from}-${Number(from) + part.length - 1}/1000` };
      response.writeHead(206, { etag, ...range }).end(part);
      return true;
    };
  });

  it.each([
    ['the path', 'http://H/a', 'http://H/b'],
    ['the query', 'http://H/x?file=a', 'http://H/x?file=b'],
    ['a value of it', 'http://H/x?file=a&sig=1', 'http://H/x?file=b&sig=1'],
    ['the user', 'http://a:p@H/x', 'http://b:p@H/x'],
  ])('by %s', async (_, first, second) => {
    const host = server.origin.slice('http://'.length);
    for (let round = 0; round < 2; round++) {
      expect(await read(first.replace('H', host))).toBe('aaaaa');
      expect(await read(second.replace('H', host))).toBe('bbbbb');
    }
    expect(dataRequests()).toBe(2);
  });

  it('by headers, compressed files and what is known of lines alike', async () => {
    const address = `${server.origin}/x`;
    expect(await read(address, { 'x-user': 'a' })).toBe('aaaaa');
    expect(await read(address, { 'x-user': 'b' })).toBe('bbbbb');
    const rows = (id: string) => Buffer.alloc(5 * 2 ** 20, `{"id":"${id}"}\n`);
    server.onRequest = undefined;
    for (const ending of ['jsonl', 'jsonl.gz']) {
      const seen: unknown[] = [];
      for (const id of ['a', 'bb']) {
        const plain = Buffer.concat([rows(id), rows(id === 'a' ? 'bb' : 'a')]);
        server.put(`/rows.${ending}`, ending === 'jsonl' ? plain : gzipSync(plain, { level: 0 }), { etag });
        const dataset = await JsonlDataset.open(`${server.origin}/rows.${ending}?file=${id}`, {
          cache: { folder },
        });
        seen.push(await dataset.get(0));
        dataset.close();
      }
      expect(seen).toEqual([{ id: 'a' }, { id: 'bb' }]);
    }
  });
});

describe('opening through the cache', () => {
  const large = (begin: Uint8Array, end: Uint8Array) =>
    Buffer.concat([begin, Buffer.alloc(40 * 2 ** 20), end]);
  /** A file of npy: header and 40 MiB of values. */
  const npy = () => {
    const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${40 * 2 ** 20},), }`.padEnd(117);
    return large(Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}\n`, 'latin1'), Buffer.alloc(0));
  };

  it('fetches the blocks that hold what is read; the samples for a fingerprint are read past it', async () => {
    for (const headers of [
      { etag: '"strong"' },
      { etag: 'W/"weak"' },
      { lastModified: 'Mon, 23 Nov 2026 00:00:00 GMT' },
    ]) {
      const address = server.put('/large.npy', npy(), headers);
      const { dataset } = await openDataset(address, { cache: { folder } });
      const bytes = server.requests.map(({ headers }) => {
        const [, from, to] = /(\d+)-(\d+)/.exec(headers.range ?? '') ?? [];
        return Number(to) - Number(from) + 1;
      });
      expect(bytes.reduce((sum, count) => sum + count)).toBeLessThan(2 ** 20 + 200_000);
      expect(files()).toHaveLength(1);
      expect(dataset.fingerprint!()).toBe((await openDataset(address)).dataset.fingerprint!());
      await dataset.close?.();
      server.requests.length = 0;
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    }
  });
});
