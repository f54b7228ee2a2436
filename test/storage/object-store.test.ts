import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { StorageError } from 'millrace/errors';
import { type ObjectStore, openObjectStore, openSource } from 'millrace/storage';
import S3rver from 's3rver';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { filesIn } from '../parity/analyzer-case.js';
import { S3Server } from './s3-server.js';

let folder: string;
let server: S3rver;
let endpoint: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
  server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: join(folder, 's3'),
    configureBuckets: [{ name: 'shared', configs: [] }],
  });
  endpoint = `http://127.0.0.1:${((await server.run()) as AddressInfo).port}`;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER');
});
afterEach(() => vi.unstubAllEnvs());

const bytes = (text: string) => new TextEncoder().encode(text);

async function contentOf(store: ObjectStore, name: string): Promise<string | undefined> {
  const source = await store.open(name);
  if (!source) return undefined;
  const content = Buffer.from(await source.read(0, source.byteLength)).toString();
  source.close();
  return content;
}

describe.each([
  ['a folder', () => join(folder, 'local')],
  ['S3', () => 's3://shared/some/prefix'],
])('an object store in %s', (_, place) => {
  it('keeps objects by name, replaces and removes them', async () => {
    const store = await openObjectStore(place());
    expect(await store.open('parts/a.part')).toBeUndefined();
    await store.put('parts/a.part', bytes('one'));
    await store.put('parts/a.part', bytes('another'));
    await store.put('parts/b.part', bytes('two'));
    await store.put('parts-of-another/c', bytes('three'));
    expect(await contentOf(store, 'parts/a.part')).toBe('another');
    expect(await contentOf(store, 'parts/b.part')).toBe('two');
    await store.remove('parts/a.part');
    await store.remove('parts/none');
    expect(await contentOf(store, 'parts/a.part')).toBeUndefined();
    await store.remove('parts/');
    expect(await contentOf(store, 'parts/b.part')).toBeUndefined();
    expect(await contentOf(store, 'parts-of-another/c')).toBe('three');
  });

  it('takes a large file as a whole', async () => {
    const path = join(folder, 'large.bin');
    const content = Uint8Array.from({ length: 12_000_000 }, (_, i) => (i * 7) % 251);
    writeFileSync(path, content);
    const store = await openObjectStore(place(), { partBytes: 5 * 2 ** 20 });
    await store.putFile('result/large.bin', path);
    const source = (await store.open('result/large.bin'))!;
    expect(Buffer.compare(await source.read(0, source.byteLength), content)).toBe(0);
    source.close();
  });

  it('takes an analysis, and leaves no parts behind', async () => {
    const dataset = new ArrayDataset(
      Array.from({ length: 90 }, (_, i) => Uint8Array.from({ length: i % 7 })),
    );
    const asked = { metrics: ['seqlen', 'vocabularyrarity'], numWorkers: 1 };
    await analyzeDifficulty(dataset, { ...asked, outputDir: `${place()}/difficulty` });
    const local = join(folder, 'expected');
    await analyzeDifficulty(dataset, { ...asked, outputDir: local });
    const store = await openObjectStore(`${place()}/difficulty`);
    for (const name of Object.keys(filesIn(local)))
      expect(await contentOf(store, name), name).toBe(readFileSync(join(local, name)).toString());
    const again = await analyzeDifficulty(dataset, { ...asked, outputDir: `${place()}/difficulty` });
    expect(again.wasThere).toBe(true);
    const left = readdirSync(folder, { recursive: true }).filter((name) => String(name).includes('.part'));
    expect(left).toEqual([]);
    rmSync(local, { recursive: true });
  });
});

describe('an object store', () => {
  it('says that it may not write, and what to check', async () => {
    const strict = await new S3Server().start();
    vi.stubEnv('AWS_ENDPOINT_URL', strict.origin);
    const store = await openObjectStore('s3://shared/some/prefix');
    const put = store.put('a', bytes('b'));
    await expect(put).rejects.toThrow(StorageError);
    await expect(put).rejects.toThrow(/Access is denied.*s3:PutObject/);
    await strict.stop();
  });

  it('leaves no half of an object when a folder cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const store = await openObjectStore(join(folder, 'file'));
    await expect(store.put('a', bytes('b'))).rejects.toThrow(StorageError);
    await expect(openObjectStore('ftp://host/x')).rejects.toThrow(/ftp/);
    await expect(openSource(join(folder, 'file', 'a'))).rejects.toThrow(StorageError);
  });
});
