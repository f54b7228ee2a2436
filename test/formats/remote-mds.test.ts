// MDS shards behind URLs: what is requested, and what is fetched.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader } from 'millrace';
import { MdsDataset, openDataset } from 'millrace/formats';
import type { StorageOptions } from 'millrace/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GoogleServer } from '../storage/cloud-servers.js';

const server = new GoogleServer();
const shards = 6;
const samples = 40;
const valueBytes = 8_000;
let total = 0;
let fetched = 0;
let cacheFolder = '';

/** A shard of MDSWriter with a column of whole numbers and one of bytes. */
function shardOf(first: number): Buffer {
  const rows = Array.from({ length: samples }, (_, i) => {
    const bytes = Buffer.alloc(4 + 8 + valueBytes, i);
    bytes.writeUInt32LE(valueBytes, 0);
    bytes.writeBigInt64LE(BigInt(first + i), 4);
    return bytes;
  });
  const table = Buffer.alloc(4 * (samples + 2));
  table.writeUInt32LE(samples, 0);
  let at = table.length;
  for (let i = 0; i <= samples; i++) {
    table.writeUInt32LE(at, 4 * (i + 1));
    at += rows[i]?.length ?? 0;
  }
  return Buffer.concat([table, ...rows]);
}

beforeAll(async () => {
  await server.start();
  server.pageLength = 1_000;
  cacheFolder = mkdtempSync(join(tmpdir(), 'millrace-mds-cache-'));
  const described = Array.from({ length: shards }, (_, k) => {
    const bytes = shardOf(k * samples);
    const basename = `shard.${String(k).padStart(5, '0')}.mds`;
    total += bytes.length;
    server.put(`/bucket/mds/${basename}`, bytes);
    const hashes = { sha1: createHash('sha1').update(bytes).digest('hex') };
    return {
      format: 'mds',
      version: 2,
      samples,
      compression: null,
      column_names: ['i', 'data'],
      column_encodings: ['int', 'bytes'],
      column_sizes: [8, null],
      raw_data: { basename, bytes: bytes.length, hashes },
      zip_data: null,
    };
  });
  server.put('/bucket/mds/index.json', Buffer.from(JSON.stringify({ version: 2, shards: described })));
  const answer = server.onRequest!;
  server.onRequest = (request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    if (from !== undefined) fetched += Number(to) + 1 - Number(from);
    else fetched += server.objects.get(request.url!)?.bytes.length ?? 0;
    return answer(request, response);
  };
});
afterAll(async () => {
  await server.stop();
  rmSync(cacheFolder, { recursive: true, force: true });
});
beforeEach(() => {
  server.requests.length = 0;
  fetched = 0;
});

const options = (): StorageOptions => ({
  endpoint: server.origin,
  credentials: { accessToken: server.token },
  retries: 1,
});

type Row = { readonly i: number | bigint; readonly data: Uint8Array };

describe('MDS shards behind URLs', () => {
  it('open with their index alone, in this thread and in workers', async () => {
    const dataset = await MdsDataset.open<Row>('gs://bucket/mds', options());
    expect(dataset.length).toBe(shards * samples);
    expect(dataset.shardLengths).toHaveLength(shards);
    expect(server.requests.map(({ url }) => url)).toEqual(Array(2).fill('/bucket/mds/index.json'));
    expect(Number((await dataset.get(samples + 5)).i)).toBe(samples + 5);
    expect(new Set(server.requests.map(({ url }) => url)).size).toBe(2);
    expect(fetched).toBeLessThan(20_000);
    server.requests.length = 0;
    await using loader = new DataLoader(dataset, { batchSize: 10, numWorkers: 2, prefetchFactor: 1 });
    for await (const batch of loader as AsyncIterable<{ i: { data: ArrayLike<number | bigint> } }>) {
      expect(Array.from(batch.i.data, Number)).toEqual(Array.from({ length: 10 }, (_, i) => i));
      break;
    }
    expect(new Set(server.requests.map(({ url }) => url)).size).toBeLessThan(3);
    await dataset.close();
  });

  it('are recognized as a data set by openDataset', async () => {
    const { format, dataset } = await openDataset('gs://bucket/mds/', options());
    expect([format, dataset.length]).toEqual(['mds', shards * samples]);
    expect(server.requests.filter(({ url }) => /shard/.test(url))).toHaveLength(0);
  });

  it.each([false, true])(
    'an epoch in random order fetches the data once through a cache, less than twice without (cache: %s)',
    async (isCached) => {
      const cache = isCached && { folder: cacheFolder };
      const dataset = await MdsDataset.open<Row>('gs://bucket/mds', { ...options(), cache });
      await using loader = new DataLoader(dataset, { batchSize: 20, shuffle: true, seed: 1 });
      const seen: number[] = [];
      for await (const batch of loader as AsyncIterable<{ i: { data: ArrayLike<number | bigint> } }>)
        seen.push(...Array.from(batch.i.data, Number));
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: shards * samples }, (_, i) => i));
      // Less than what is read lies between it and is fetched, too.
      expect(fetched).toBeLessThan(isCached ? 1.2 * total : 2 * total);
      await dataset.close();
    },
  );

  it('are damaged or changed: the error names the shard', async () => {
    const path = '/bucket/mds/shard.00003.mds';
    const whole = server.objects.get(path)!.bytes;
    const dataset = await MdsDataset.open<Row>('gs://bucket/mds', options());
    server.put(path, whole.subarray(0, whole.length - 1));
    await expect(async () => dataset.get(3 * samples)).rejects.toThrow(/changed.*bytes.*shard\.00003/);
    server.put(path, Buffer.from(whole).fill(255, 0, 40));
    await expect(async () => dataset.get(3 * samples)).rejects.toThrow(
      /table of samples.*damaged.*shard\.00003/,
    );
    const errors: string[] = [];
    server.put(path, Buffer.from(whole).fill(1, whole.length - 5));
    for await (const error of dataset.checksumErrors()) errors.push(error.message);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/sha1 checksum.*shard\.00003/);
    // A failure is not held.
    server.put(path, whole);
    const again = await MdsDataset.open<Row>('gs://bucket/mds', options());
    expect(Number((await again.get(3 * samples)).i)).toBe(3 * samples);
  });
});
