// Indexed tokens and folders of images behind URLs: the same samples, batches and fingerprints as from the disk.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, type SampleContext } from 'millrace';
import {
  ImageFolder,
  IndexedDataset,
  IndexedDatasetBuilder,
  openDataset,
  RemoteIndexedDataset,
} from 'millrace/formats';
import { centerCrop } from 'millrace/images';
import { PackedDataset, TokenWindows } from 'millrace/tokens';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';
import { credentials, S3Server } from '../storage/s3-server.js';

const context = {} as SampleContext;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-remote-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('RemoteIndexedDataset', () => {
  const server = new ObjectServer();
  const items = Array.from({ length: 60 }, (_, k) =>
    Array.from({ length: (k * 7) % 23 }, (_, i) => k * 100 + i),
  );
  let prefix: string;
  let url: string;
  beforeAll(async () => {
    await server.start();
    prefix = join(folder, 'tokens');
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint16' });
    for (const item of items) {
      builder.addItem(item);
      builder.endDocument();
    }
    builder.finalize();
    for (const ending of ['.bin', '.idx']) server.put(`/tokens${ending}`, readFileSync(`${prefix}${ending}`));
    url = `${server.origin}/tokens`;
  });
  afterAll(() => server.stop());

  it('reads a context-parallel rank its part of the file: at most its share and a page', async () => {
    const long = join(folder, 'long');
    const builder = new IndexedDatasetBuilder(long, { dtype: 'uint16' });
    for (let document = 0; document < 2; document++) {
      builder.addItem(Uint16Array.from({ length: 600_000 }, (_, k) => k % 60_000));
      builder.endDocument();
    }
    builder.finalize();
    const bytes = readFileSync(`${long}.bin`);
    server.put('/long.bin', bytes);
    server.put('/long.idx', readFileSync(`${long}.idx`));
    for (const style of ['contiguous', 'zigzag'] as const) {
      const remote = await RemoteIndexedDataset.open(`${server.origin}/long`);
      server.requests.length = 0;
      // Smaller gaps than 256 KiB are read through: a request costs more.
      const sequenceSlice = { style, rank: 1, worldSize: 4 };
      const windows = new TokenWindows(remote, { length: 560_000, documentEnds: 'stored', sequenceSlice });
      let seen = 0;
      for await (const { inputIds } of new DataLoader(windows, { batchSize: 2, shuffle: true }))
        seen += inputIds.data.length;
      expect(seen).toBe((2 * 560_000) / 4);
      const read = server.requests.reduce((sum, { url, headers }) => {
        const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
        return url === '/long.bin' ? sum + Number(end) + 1 - Number(start) : sum;
      }, 0);
      expect(read).toBeGreaterThan(0);
      expect(read).toBeLessThanOrEqual(bytes.length / 4 + 4096);
      remote.close();
    }
  });

  it('has the items, parts and fingerprint of the files on the disk', async () => {
    const local = await IndexedDataset.open(prefix);
    const remote = await RemoteIndexedDataset.open(url);
    expect(remote).toMatchObject({ length: 60, dtype: 'uint16', tokenCount: local.tokenCount });
    expect(remote.fingerprint()).toBe(local.fingerprint());
    for (const index of [0, 59, 3, 4, 5, 30]) expect(await remote.get(index)).toEqual(local.get(index));
    expect(await remote.read(9, 2, 5)).toEqual(local.read(9, 2, 5));
    expect(await remote.fetchTokens(100, 50)).toEqual(local.readTokens(100, 50));
    expect(() => remote.get(60)).toThrow(/has no sample 60/);
    expect(() => remote.read(9, 2, 500)).toThrow(/Cannot read 500 elements from 2/);
    remote.close();
    local.close();
  });

  it.each([0, 2])('gives the batches of windows and of packed rows, with %i workers', async (numWorkers) => {
    const local = await IndexedDataset.open(prefix);
    const remote = await RemoteIndexedDataset.open(`${url}.idx`, {
      cache: { folder: join(folder, 'cache') },
    });
    const windows = { length: 16, stride: 5 };
    const pairs = [
      [new TokenWindows(local, windows), new TokenWindows(remote, windows)],
      [new PackedDataset(local, { rowLength: 12 }), new PackedDataset(remote, { rowLength: 12 })],
    ] as const;
    for (const [here, there] of pairs) {
      const options = { batchSize: 4, shuffle: true, seed: 3 };
      const expected: unknown[] = [];
      for await (const batch of new DataLoader<unknown>(here, options)) expected.push(batch);
      const loader = new DataLoader<unknown>(there, { ...options, numWorkers });
      const read: unknown[] = [];
      for await (const batch of loader) read.push(batch);
      expect(plain(read)).toEqual(plain(expected));
      await loader.close();
    }
    remote.close();
    local.close();
  });

  it('is what openDataset opens, and what IndexedDataset names', async () => {
    for (const name of [url, `${url}.bin`]) {
      const { dataset, format } = await openDataset(name);
      expect([format, dataset.length]).toEqual(['indexed', 60]);
      await dataset.close?.();
    }
    await expect(IndexedDataset.open(url)).rejects.toThrow(/RemoteIndexedDataset\.open/);
    await expect(RemoteIndexedDataset.open(`${server.origin}/none`)).rejects.toThrow(/none\.bin/);
    server.put('/cut.bin', readFileSync(`${prefix}.bin`).subarray(0, 50));
    server.put('/cut.idx', readFileSync(`${prefix}.idx`));
    await expect(RemoteIndexedDataset.open(`${server.origin}/cut`)).rejects.toThrow(/cut short.*cut\.bin/);
  });
});

describe('ImageFolder behind a URL', () => {
  it('has the classes, order, fingerprint and batches of the folder on the disk, in workers too', async () => {
    const pictures = fileURLToPath(new URL('../fixtures/images/', import.meta.url));
    const root = join(folder, 'images');
    const names = [
      'dog/b.jpg',
      'dog/a.JPG',
      'dog/a b.jpg',
      'dog/a/0.jpg',
      'dog/a/b/1.jpg',
      'cat/x.jpg',
      'Zebra/1.jpg',
    ];
    for (const name of names) cpSync(join(pictures, 'color.jpg'), join(root, name));
    cpSync(join(pictures, 'large.jpg'), join(root, 'cat/y.jpg'));
    const server = await new S3Server().start();
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      server.put(`/bucket/all/images/${relative(root, path)}`, readFileSync(path));
    }
    server.put('/bucket/all/images/readme.md', Buffer.from('not an image'));
    vi.stubEnv('AWS_ENDPOINT_URL', server.origin);
    vi.stubEnv('AWS_REGION', 'eu-central-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
    const options = { transforms: [centerCrop(20)] };
    const local = await ImageFolder.open(root, options);
    const remote = await ImageFolder.open('s3://bucket/all/images/', { ...options, concurrency: 2 });
    expect(remote.classes).toEqual(local.classes);
    expect(Array.from({ length: 8 }, (_, k) => remote.path(k))).toEqual(
      Array.from({ length: 8 }, (_, k) => local.path(k)),
    );
    expect(remote.fingerprint()).toBe(local.fingerprint());
    expect(plain(await remote.get(2, context))).toEqual(plain(await local.get(2, context)));
    const batches: unknown[][] = [];
    for (const [dataset, numWorkers] of [
      [local, 0],
      [remote, 0],
      [remote, 1],
    ] as const) {
      const loader = new DataLoader(dataset, { batchSize: 3, shuffle: true, numWorkers });
      const own: unknown[] = [];
      for await (const batch of loader) own.push(plain(batch));
      batches.push(own);
      await loader.close();
    }
    expect(batches[1]).toEqual(batches[0]);
    expect(batches[2]).toEqual(batches[0]);
    const { format, dataset } = await openDataset('s3://bucket/all/images/', { format: 'images' });
    expect([format, dataset.length]).toEqual(['images', 8]);
    await expect(ImageFolder.open(`${server.origin}/bucket`)).rejects.toThrow(/http: URLs cannot be listed/);
    vi.unstubAllEnvs();
    await server.stop();
  });
});

/** Typed arrays as lists: memory is shared or not. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, inner) =>
      ArrayBuffer.isView(inner) ? Array.from(inner as Uint8Array) : inner,
    ),
  );
}
