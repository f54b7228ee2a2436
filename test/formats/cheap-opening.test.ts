// Opening many remote files: how many requests and connections it takes.
import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { DataLoader, type IterableDataset } from 'millrace';
import { JsonlDataset, openDataset, ParquetDataset } from 'millrace/formats';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

const shards = 150;
const objects = new Map<string, Buffer>();
const requests: string[] = [];
const sockets = new Set<Socket>();
let server: Server;

const tagOf = (key: string): string => `${key}-${objects.get(key)!.length}`;

/** A bucket that lists sizes and tags, as S3 does. */
function bucket(): Server {
  return createServer((request, response) => {
    const url = new URL(request.url!, 'http://host');
    requests.push(`${url.pathname} ${request.headers.range ?? ''}`);
    if (url.searchParams.has('list-type')) {
      const prefix = url.searchParams.get('prefix') ?? '';
      const contents = [...objects]
        .filter(([key]) => key.startsWith(prefix))
        .map(
          ([key, bytes]) =>
            `<Contents><Key>${key}</Key><Size>${bytes.length}</Size><ETag>&quot;${tagOf(key)}&quot;</ETag></Contents>`,
        );
      return response.end(`<ListBucketResult>${contents.join('')}</ListBucketResult>`);
    }
    const key = decodeURIComponent(url.pathname.replace('/bucket/', ''));
    const bytes = objects.get(key);
    if (!bytes) return response.writeHead(404).end();
    const [, from = '0', to = String(bytes.length - 1)] =
      /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
    const part = bytes.subarray(Number(from), Math.min(Number(to), bytes.length - 1) + 1);
    const headers = { etag: `"${tagOf(key)}"`, 'content-length': part.length };
    if (!request.headers.range) return response.writeHead(200, headers).end(bytes);
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
    return response.writeHead(206, { ...headers, 'content-range': range }).end(part);
  }).on('connection', (socket) => sockets.add(socket));
}

beforeAll(async () => {
  for (let k = 0; k < shards; k++) {
    const name = String(k).padStart(4, '0');
    const data = Array.from({ length: 10 }, (_, i) => 10 * k + i);
    objects.set(
      `p/${name}.parquet`,
      Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'i', data, type: 'INT32' }] })),
    );
    objects.set(`j/${name}.jsonl`, Buffer.from(data.map((i) => `{"i": ${i}}\n`).join('')));
  }
  server = bucket();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
beforeEach(() => {
  requests.length = 0;
  sockets.clear();
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

describe('opening many files of a bucket', () => {
  it.each([
    ['Parquet', 's3://bucket/p/'],
    ['JSON Lines', 's3://bucket/j/*.jsonl'],
  ])('%s: asks for what the listing does not say, over at most 64 connections', async (_, name) => {
    const { dataset } = await openDataset(name);
    expect(dataset.length).toBe(10 * shards);
    // The listing; for each file the footer, or the lines.
    expect(requests.length).toBeLessThanOrEqual(1 + shards);
    expect(sockets.size).toBeLessThanOrEqual(64);
    expect(dataset.fingerprint!()).toMatch(/^[0-9a-f]{32}$/);
    await dataset.close?.();
  });

  it('hands footers to workers', async () => {
    const { dataset } = await openDataset('s3://bucket/p/');
    const opened = requests.length;
    await using loader = new DataLoader(dataset, { batchSize: 10, numWorkers: 2, prefetchFactor: 1 });
    for await (const batch of loader as AsyncIterable<{ i: { data: ArrayLike<number> } }>) {
      expect(Array.from(batch.i.data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      break;
    }
    // A few batches are made ahead; no worker opens all files again.
    expect(requests.length - opened).toBeLessThan(shards / 4);
  });

  it('reads the first batch of a stream in a few requests', async () => {
    for (const open of [
      () => ParquetDataset.stream('s3://bucket/p/'),
      () => JsonlDataset.stream('s3://bucket/j/*.jsonl'),
    ]) {
      requests.length = 0;
      const dataset: IterableDataset<unknown> = await open();
      await using loader = new DataLoader(dataset, { batchSize: 5 });
      for await (const batch of loader as AsyncIterable<{ i: { data: ArrayLike<number> } }>) {
        expect(Array.from(batch.i.data)).toEqual([0, 1, 2, 3, 4]);
        break;
      }
      expect(requests.length).toBeLessThanOrEqual(10);
    }
  });

  it('keeps footers in the cache, without the bytes around them', async () => {
    const cache = { folder: mkdtempSync(join(tmpdir(), 'footers-')) };
    const first = await openDataset('s3://bucket/p/', { cache });
    await first.dataset.close?.();
    requests.length = 0;
    const { dataset } = await openDataset('s3://bucket/p/', { cache });
    expect(requests.length).toBe(1);
    expect(dataset.length).toBe(10 * shards);
    await dataset.close?.();
  });

  it('takes lengths from the log of a Delta table', async () => {
    const fields = [{ name: 'i', type: 'integer', nullable: true, metadata: {} }];
    const names = [...objects.keys()].filter((key) => key.startsWith('p/'));
    const adds = names.map((key) => ({
      add: {
        path: key.slice(2),
        partitionValues: {},
        size: objects.get(key)!.length,
        stats: '{"numRecords":10}',
      },
    }));
    const actions = [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      { metaData: { schemaString: JSON.stringify({ type: 'struct', fields }), partitionColumns: [] } },
      ...adds,
    ];
    const text = actions.map((action) => JSON.stringify(action)).join('\n');
    objects.set(`p/_delta_log/${'0'.repeat(20)}.json`, Buffer.from(text));
    try {
      requests.length = 0;
      const { format, dataset } = await openDataset('s3://bucket/p/');
      expect([format, dataset.length]).toEqual(['delta', 10 * shards]);
      // Two listings, the commit, and the footer of the first file.
      expect(requests.length).toBeLessThanOrEqual(4);
      expect(await dataset.get(777, undefined as never)).toEqual({ i: 777 });
      expect(requests.length).toBeLessThanOrEqual(7);
    } finally {
      objects.delete(`p/_delta_log/${'0'.repeat(20)}.json`);
    }
  });

  it('notices an object that changed since it was listed', async () => {
    const before = objects.get('p/0000.parquet')!;
    const { dataset } = await openDataset('s3://bucket/p/*.parquet');
    objects.set('p/0000.parquet', Buffer.concat([before, before]));
    await expect(async () => dataset.get(0, undefined as never)).rejects.toThrow(/changed/);
    objects.set('p/0000.parquet', before);
  });
});

describe('a pattern behind http:', () => {
  it('says that nothing can be listed there', async () => {
    await expect(openDataset('https://host/data/*.parquet')).rejects.toThrow(/cannot be listed.*braces/s);
  });
});
