import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DataLoader } from 'millrace';
import { JsonlDataset } from 'millrace/formats';
import { listFiles, openSource } from 'millrace/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { isLong } from '../setup/search-size.js';

const rows = 40;
const content = Buffer.from(
  Array.from({ length: rows }, (_, i) => `{"i": ${i}, "text": "${'x'.repeat(100_000)}"}\n`).join(''),
);
let server: Server;
/** Which keys the store accepts; it says that others have expired. */
let valid = 0;
/** How many earlier keys it still accepts. */
let grace = 0;
let asked = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    const key = /Credential=KEY(\d+)\//.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined || Number(key) > valid || Number(key) < valid - grace)
      return response
        .writeHead(400)
        .end(
          `<Error><Code>ExpiredToken</Code><Message>${request.headers['x-amz-security-token']} has expired</Message></Error>`,
        );
    if (request.url!.includes('list-type'))
      return response.end('<ListBucketResult><Contents><Key>rows.jsonl</Key></Contents></ListBucketResult>');
    const [, from = '0', to = content.length - 1] =
      /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    const part = content.subarray(Number(from), Number(to) + 1);
    const headers = { etag: '"1"', 'content-length': part.length };
    if (!request.headers.range) return response.writeHead(200, headers).end(content);
    return response
      .writeHead(206, { ...headers, 'content-range': `bytes ${from}-${to}/${content.length}` })
      .end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
beforeEach(() => {
  valid = 0;
  asked = 0;
  grace = 0;
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

const keys = (number: number, expiration?: Date) => ({
  accessKeyId: `KEY${number}`,
  secretAccessKey: `SECRET${number}`,
  sessionToken: `SESSION${number}`,
  ...(expiration && { expiration }),
});

describe('credentials of a store', () => {
  it('are values, for reading and listing', async () => {
    expect(await listFiles('s3://bucket/', { credentials: keys(0) })).toEqual(['s3://bucket/rows.jsonl']);
    const source = await openSource('s3://bucket/rows.jsonl', { credentials: keys(0) });
    expect(source.byteLength).toBe(content.length);
  });

  it('are requested again once after a refusal, and not shown if that is refused too', async () => {
    const credentials = async () => keys(asked++);
    const source = await openSource('s3://bucket/rows.jsonl', { credentials });
    valid = 1;
    expect(await source.read(0, 5)).toHaveLength(5);
    expect(asked).toBe(2);
    valid = 9;
    const refused = await source.read(0, 5).catch((error: unknown) => error);
    expect(asked).toBe(3);
    expect(String(refused)).toMatch(/400.*has expired/);
    expect(String(refused) + JSON.stringify(refused)).not.toMatch(/SECRET|SESSION|KEY\d/);
  });

  it('are requested again before they expire', async () => {
    const credentials = () => keys(0, new Date(Date.now() + (asked++ === 0 ? 60_000 : 3_600_000)));
    const source = await openSource('s3://bucket/rows.jsonl', { credentials });
    await source.read(0, 5);
    await source.read(0, 5);
    expect(asked).toBe(2);
  });

  it('may change through an epoch with workers: nothing is lost, nothing comes twice', async () => {
    // Batches that were made ahead come at once: so many changes may pass between asking and using a key.
    grace = 6;
    const credentials = async () => {
      asked++;
      return keys(valid);
    };
    const dataset = await JsonlDataset.open<{ i: number; text: string }>('s3://bucket/rows.jsonl', {
      credentials,
    });
    const recipe = (dataset as unknown as Record<symbol, () => unknown>)[
      Symbol.for('millrace.toRecipe')
    ]!.call(dataset);
    expect(JSON.stringify(recipe)).not.toMatch(/SECRET|SESSION|KEY\d/);
    const before = asked;
    await using loader = new DataLoader(dataset, { batchSize: 2, shuffle: true, numWorkers: 2 });
    const seen: number[] = [];
    for await (const batch of loader as AsyncIterable<{ i: { data: ArrayLike<number> } }>) {
      seen.push(...Array.from(batch.i.data));
      valid++;
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
    // Each worker asked at least for its first request.
    expect(asked - before).toBeGreaterThan(1);
  });

  // In `npm run test:long`; the test before this one is its short form.
  it.runIf(isLong)(
    'may change every 2 s through an epoch of 60 s with workers, without a moment in which two are valid',
    async () => {
      const credentials = () => {
        asked++;
        return keys(valid);
      };
      const dataset = await JsonlDataset.open<{ i: number }>('s3://bucket/rows.jsonl', { credentials });
      await using loader = new DataLoader(dataset, {
        batchSize: 1,
        shuffle: true,
        numWorkers: 2,
        prefetchFactor: 1,
      });
      const rotation = setInterval(() => valid++, 2_000);
      const seen: number[] = [];
      const began = performance.now();
      try {
        for await (const batch of loader as AsyncIterable<{ i: { data: ArrayLike<number> } }>) {
          seen.push(...Array.from(batch.i.data));
          await new Promise((resolve) => setTimeout(resolve, 60_000 / rows));
        }
      } finally {
        clearInterval(rotation);
      }
      expect(performance.now() - began).toBeGreaterThan(59_000);
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
      expect(valid).toBeGreaterThan(25);
      expect(asked).toBeGreaterThan(20);
    },
  );

  it('are read from the environment for each request', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'KEY0');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'SECRET0');
    const source = await openSource('s3://bucket/rows.jsonl');
    valid = 1;
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'KEY1');
    expect(await source.read(0, 5)).toHaveLength(5);
  });

  it('say what is wrong with them', async () => {
    await expect(
      openSource('s3://bucket/x', { credentials: { accessKeyId: 'KEY' } as never }),
    ).rejects.toThrow(/credentials: must be \{ accessKeyId, secretAccessKey \}/);
  });
});
