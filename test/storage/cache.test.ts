import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { DataLoader } from 'millrace';
import { JsonlDataset } from 'millrace/formats';
import { type CachedSource, openSource } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { replaceSleep } from '../setup/replace-sleep.js';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from './object-server.js';

/** Bytes that are fetched together where an object is read in order: 8 blocks. */
const runBytes = 2 ** 23;
const content = Buffer.alloc(5 * runBytes + 1_000);
for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(Math.imul(i, 0x9e3779b1) >>> 0, i);
const digest = createHash('sha256').update(content).digest('hex');
const program = fileURLToPath(new URL('../fixtures/cached-read.js', import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));

const server = new ObjectServer();
let folder = '';
let url = '';
beforeAll(async () => {
  await server.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-cache-'));
  url = server.put('/content', content);
  server.onRequest = undefined;
  server.requests.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
const bytesKept = () => files().reduce((sum, path) => sum + statSync(path).size, 0);
const rangesFetched = () =>
  server.requests
    .map(({ headers }) => /(\d+)-(\d+)/.exec(headers.range ?? '') ?? [])
    .map(([, from, to]) => Number(to) - Number(from) + 1)
    .filter((bytes) => bytes !== 2);
const dataRequests = () => rangesFetched().length;

async function read(maxBytes = 2 ** 30): Promise<string> {
  const source = await openSource(url, { cache: { folder, maxBytes } });
  const hash = createHash('sha256');
  for await (const piece of source.stream()) hash.update(piece);
  return hash.digest('hex');
}

const start = (): ChildProcess =>
  spawn(process.execPath, [program, url, folder, String(2 ** 30)], { stdio: ['ignore', 'pipe', 'pipe'] });

describe('the cache', () => {
  it('fetches each block once: for reads, streams, later runs and other processes', async () => {
    expect(await read()).toBe(digest);
    expect(dataRequests()).toBe(6);
    const source = await openSource(url, { cache: { folder, maxBytes: 2 ** 30 } });
    const [from, to] = [runBytes - 500, 2 * runBytes + 500];
    expect(Buffer.compare(await source.read(from, to), content.subarray(from, to))).toBe(0);
    const children = [start(), start()];
    const digests = await Promise.all(children.map((child) => text(child.stdout!)));
    expect(digests.map((line) => line.trim())).toEqual([digest, digest]);
    expect(dataRequests()).toBe(6);
  });

  it('shares the work among processes that begin at once', async () => {
    const children = [start(), start(), start()];
    const digests = await Promise.all(children.map((child) => text(child.stdout!)));
    expect(digests.map((line) => line.trim())).toEqual([digest, digest, digest]);
    // Processes may share a run of blocks, each of which one of them fetches.
    expect(rangesFetched().reduce((sum, bytes) => sum + bytes)).toBe(content.length);
  });

  it('fetches what is read: 1 MiB for a read here and there, 8 MiB where it is read in order', async () => {
    const source = (await openSource(url, { cache: { folder } })) as CachedSource;
    const mib = 2 ** 20;
    for (const block of [20, 3, 11]) {
      expect(source.prefetch(block * mib, block * mib + 1_000)).toBe(mib);
      await source.read(block * mib, block * mib + 1_000);
    }
    expect(rangesFetched()).toEqual([mib, mib, mib]);
    server.requests.length = 0;
    // After block 11 comes block 12, so that the rest of its run is wanted soon.
    expect(source.prefetch(12 * mib, 12 * mib + 1_000)).toBe(4 * mib);
    expect(source.prefetch(16 * mib, 16 * mib + 1_000)).toBe(7 * mib);
    for (let at = 12 * mib; at < 21 * mib; at += 100_000) await source.read(at, at + 10);
    expect(rangesFetched().reduce((sum, bytes) => sum + bytes)).toBe(11 * mib);
    expect(dataRequests()).toBeLessThanOrEqual(3);
  });

  it('is complete after a process was killed while filling it, and no process waits for the killed one', async () => {
    const kills = searchSize({ short: 2, long: 4 });
    for (let blocks = 0; blocks < kills; blocks++) {
      rmSync(folder, { recursive: true });
      // The server stops in the middle of a block: the process is in the midst of writing.
      let served = 0;
      server.onRequest = (request, response) => {
        const [, from] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
        if (request.headers.range === 'bytes=0-1' || served++ < blocks) return false;
        const first = Number(from);
        const size = Math.min(runBytes, content.length - first);
        response.writeHead(206, {
          etag: `"${createHash('md5').update(content).digest('hex')}"`,
          'content-range': `bytes ${first}-${first + size - 1}/${content.length}`,
        });
        response.write(content.subarray(first, first + size / 2));
        return true;
      };
      const child = start();
      while (served <= blocks) await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGKILL');
      await once(child, 'exit');
      server.onRequest = undefined;
      let sleeps = 0;
      const restoreSleep = replaceSleep(async () => {
        sleeps += 1;
      });
      expect(await read().finally(restoreSleep)).toBe(digest);
      expect(sleeps, 'waits for the lock of the dead process').toBe(0);
      expect(files().filter((path) => path.endsWith('.lock'))).toEqual([]);
    }
  });

  it('stays within its size under data that is larger, which still comes whole', async () => {
    const maxBytes = 3 * runBytes;
    for (let run = 0; run < 3; run++) {
      expect(await read(maxBytes)).toBe(digest);
      expect(bytesKept()).toBeLessThanOrEqual(maxBytes);
    }
    expect(bytesKept()).toBeGreaterThan(runBytes);
  });

  it('keeps what was used last', async () => {
    const cache = { folder, maxBytes: 3 * runBytes + 1_000 };
    const source = await openSource(url, { cache });
    for (const run of [0, 1, 0, 2, 0, 3, 0, 4]) {
      await source.read(run * runBytes, (run + 1) * runBytes);
      // Times of use are those of files, in milliseconds.
      const last = performance.now();
      while (performance.now() - last < 5);
    }
    server.requests.length = 0;
    await source.read(0, 1);
    expect(dataRequests()).toBe(0);
    await source.read(runBytes, runBytes + 1);
    expect(dataRequests()).toBe(1);
  });

  it('notices an entry that was damaged on the disk, and fetches it again', async () => {
    await read();
    for (const path of files()) {
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
    }
    // Another process, which has not looked at them before.
    const child = start();
    expect((await text(child.stdout!)).trim()).toBe(digest);
    expect(dataRequests()).toBe(12);
  });

  it('has other entries for another version of an object', async () => {
    await read();
    const other = Buffer.from(content).reverse();
    server.put('/content', other);
    expect(await read()).toBe(createHash('sha256').update(other).digest('hex'));
  });

  it('reads past a disk that cannot be written, and warns once', async () => {
    const script = `ulimit -f 500; exec "${process.execPath}" "${program}" "${url}" "${folder}" ${2 ** 30}`;
    const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(out.trim()).toBe(digest);
    expect(err.match(/The cache in .* cannot be used \(EFBIG\)/g)).toHaveLength(1);
    const blocked = join(folder, 'a-file');
    writeFileSync(blocked, '');
    const warnings: string[] = [];
    const listen = ({ message }: Error) => warnings.push(message);
    process.on('warning', listen);
    const source = await openSource(url, { cache: { folder: blocked } });
    for (let k = 0; k < 3; k++)
      expect(await source.read(k, k + 10)).toEqual(new Uint8Array(content.subarray(k, k + 10)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(warnings.filter((message) => message.includes('ENOTDIR'))).toHaveLength(1);
  });

  it('keeps no object without a version, and says so', async () => {
    const warnings: string[] = [];
    const listen = ({ message }: Error) => warnings.push(message);
    process.on('warning', listen);
    const source = await openSource(server.put('/bare', content.subarray(0, 1_000), {}), {
      cache: { folder },
    });
    expect(await source.read(0, 3)).toEqual(new Uint8Array(content.subarray(0, 3)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect([files(), warnings.join()]).toEqual([[], expect.stringMatching(/bare is not kept.*neither ETag/)]);
    await expect(openSource(url, { cache: { maxBytes: 5 } })).rejects.toThrow(/cache/);
  });
});

describe('compressed files', () => {
  it.each(['rows.jsonl.gz', 'rows.jsonl.zst'])(
    'are datasets like any other, decompressed once: %s',
    async (name) => {
      const remote = server.put(`/${name}`, readFileSync(fixture(name)));
      const seen: unknown[] = [];
      for (const [file, numWorkers] of [
        [fixture(name), 0],
        [remote, 2],
      ] as const) {
        const dataset = await JsonlDataset.open<{ id: number }>(file, { cache: { folder } });
        expect(dataset.length).toBe(1_000);
        await using loader = new DataLoader(dataset, { batchSize: 100, shuffle: true, numWorkers });
        const ids: unknown[] = [];
        for (let index = 0; index < 1_000; index += 99) ids.push(await dataset.get(index));
        seen.push(ids);
        expect(loader.length).toBe(10);
      }
      expect(seen[1]).toEqual(seen[0]);
      expect(files()).toHaveLength(2);
    },
  );

  it('say that they are damaged, wherever they are', async () => {
    for (const name of ['rows.jsonl.gz', 'rows.jsonl.zst']) {
      const bytes = readFileSync(fixture(name));
      for (const cut of [1, 100, bytes.length >> 1, bytes.length - 5]) {
        const short = server.put(`/${cut}-${name}`, bytes.subarray(0, cut));
        await expect(JsonlDataset.open(short, { cache: { folder } })).rejects.toThrow(
          /(damaged or|is) cut short.*rows\.jsonl/,
        );
      }
      const flipped = Uint8Array.from(bytes);
      flipped[bytes.length - 6]! ^= 1;
      if (name.endsWith('.gz'))
        await expect(
          JsonlDataset.open(server.put(`/f-${name}`, flipped), { cache: { folder } }),
        ).rejects.toThrow(/damaged/);
    }
    expect(files()).toEqual([]);
  });
});
