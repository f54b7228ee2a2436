import fc from 'fast-check';
import { ObjectChangedError, StorageError } from 'millrace/errors';
import { openSource, RemoteSource } from 'millrace/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { replaceSleep } from '../setup/replace-sleep.js';
import { type Fault, ObjectServer } from './object-server.js';

const content = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 8)) % 256);
const server = new ObjectServer();
let url = '';

let sleeps: number[] = [];
let restoreSleep: () => void;
beforeAll(async () => {
  restoreSleep = replaceSleep(async (ms) => void sleeps.push(ms));
  await server.start();
});
beforeEach(() => {
  sleeps = [];
  server.faults.length = 0;
  server.requests.length = 0;
  server.servesRanges = true;
  server.honoursIfMatch = true;
  url = server.put('/data/part one.bin', content);
});
afterAll(async () => {
  restoreSleep();
  await server.stop();
});

async function streamed(source: { stream(start?: number): AsyncIterable<Uint8Array> }, start = 0) {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.stream(start)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('RemoteSource', () => {
  it('opens with one request, which says length and version', async () => {
    const source = await openSource(url);
    expect(source).toBeInstanceOf(RemoteSource);
    expect([source.name, source.byteLength]).toEqual([url, content.length]);
    expect(server.requests).toHaveLength(1);
  });

  it('reads any range and streams from any place, whatever goes wrong for now', async () => {
    const faults = fc.oneof(
      fc.record({ type: fc.constant('drop' as const), after: fc.nat(100_000) }),
      fc.record({ type: fc.constant('truncate' as const), after: fc.nat(100_000) }),
      fc.record({ type: fc.constant('status' as const), status: fc.constantFrom(429, 500, 502, 503, 504) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(content.length),
        fc.nat(200_000),
        fc.array(faults, { maxLength: 2 }),
        fc.boolean(),
        async (start, length, failing: Fault[], ranges) => {
          server.servesRanges = ranges;
          const source = await openSource(url);
          server.faults.splice(0, server.faults.length, ...failing);
          const end = Math.min(content.length, start + length);
          expect(Buffer.compare(await source.read(start, end), content.subarray(start, end))).toBe(0);
          server.faults.splice(0, server.faults.length, ...failing);
          expect(Buffer.compare(await streamed(source, start), content.subarray(start))).toBe(0);
          server.faults.length = 0;
        },
      ),
      { numRuns: 40 },
    );
  });

  it('requests neighboring ranges together, unless most bytes would be wasted, and long ranges in parts', async () => {
    const source = await openSource(url);
    server.requests.length = 0;
    const places = [5_000, 10, 2_900_000, 900, 120_000];
    const read = await Promise.all(places.map((start) => source.read(start, start + 100)));
    for (const [k, start] of places.entries()) expect(read[k]).toEqual(content.subarray(start, start + 100));
    expect(server.requests.map(({ headers }) => headers.range).sort()).toEqual([
      'bytes=10-5099',
      'bytes=120000-120099',
      'bytes=2900000-2900099',
    ]);
    const large = new Uint8Array(20_000_000).fill(7);
    const wide = await openSource(server.put('/large', large));
    server.requests.length = 0;
    expect(Buffer.compare(await wide.read(1, large.length), large.subarray(1))).toBe(0);
    expect(server.requests).toHaveLength(3);
  });

  it.each([true, false])('refuses a mix of two versions (If-Match honoured: %s)', async (honours) => {
    server.honoursIfMatch = honours;
    const source = await openSource(url);
    server.put('/data/part one.bin', content.slice().reverse());
    const reading = source.read(0, 10);
    await expect(reading).rejects.toThrow(ObjectChangedError);
    await expect(reading).rejects.toThrow(/part one\.bin.*Open the dataset again/);
    await expect(streamed(source)).rejects.toThrow(ObjectChangedError);
  });

  it('sees a change in the middle of a stream that broke off', async () => {
    const source = await openSource(url);
    server.faults.push({ type: 'drop', after: 1_000 });
    let seen = 0;
    const reading = (async () => {
      for await (const piece of source.stream()) {
        if (seen === 0) server.put('/data/part one.bin', content.slice().reverse());
        seen += piece.length;
      }
    })();
    await expect(reading).rejects.toThrow(ObjectChangedError);
    expect(seen).toBe(1_000);
  });

  it('distinguishes versions by Last-Modified or length where there is no ETag', async () => {
    const dated = server.put('/dated', content, { lastModified: 'Mon, 23 Nov 2026 00:00:00 GMT' });
    const source = await openSource(dated);
    server.put('/dated', content, { lastModified: 'Mon, 23 Nov 2026 00:00:01 GMT' });
    await expect(source.read(0, 1)).rejects.toThrow(ObjectChangedError);
    const bare = await openSource(server.put('/bare', content, {}));
    server.put('/bare', content.subarray(1), {});
    await expect(bare.read(0, 1)).rejects.toThrow(/has 2999999 bytes, not 3000000/);
  });

  it('gives up after the retries, and says how often it tried and what was wrong', async () => {
    const source = await openSource(url, { retries: 2 });
    server.requests.length = 0;
    for (let k = 0; k < 3; k++) server.faults.push({ type: 'status', status: 503 });
    const reading = source.read(0, 1);
    await expect(reading).rejects.toThrow(StorageError);
    await expect(reading).rejects.toThrow(/503 Service Unavailable: Slow down\..*tries 3/);
    expect(server.requests).toHaveLength(3);
  });

  it.each<Fault>([{ type: 'hang' }, { type: 'stall', after: 20 }])(
    'goes on after a server that says nothing any more: %o',
    async (fault) => {
      const source = await openSource(url, { timeoutMs: 30_000 });
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      try {
        server.silences = 0;
        server.faults.push(fault);
        const reading = source.read(50, 150);
        while (server.silences === 0) await new Promise(setImmediate);
        await vi.advanceTimersByTimeAsync(30_000);
        expect(await reading).toEqual(content.subarray(50, 150));
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it('waits as long as the server asks', async () => {
    const source = await openSource(url);
    server.faults.push({ type: 'status', status: 429, headers: { 'retry-after': '1' } });
    await source.read(0, 1);
    expect(sleeps).toHaveLength(1);
    expect(sleeps[0]).toBeGreaterThanOrEqual(1_000);
  });

  it('does not try again what would fail again, and says what to do', async () => {
    await expect(openSource(`${server.origin}/absent`)).rejects.toThrow(
      /no such object.*404.*absent.*Check the URL/,
    );
    expect(server.requests).toHaveLength(1);
    server.faults.push({ type: 'status', status: 403 });
    await expect(openSource(url)).rejects.toThrow(/Access is denied.*403.*Slow down.*authorization/);
    server.faults.push({ type: 'status', status: 418 });
    await expect(openSource(url)).rejects.toThrow(/The server answered 418/);
    await expect(openSource('http://127.0.0.1:1/x', { retries: 0 })).rejects.toThrow(/ECONNREFUSED|bad port/);
  });

  it('keeps secrets out of messages, and sends them', async () => {
    const opening = openSource(
      url.replace('//', '//me:pass%20word@').replace('part one.bin', 'absent?X-Amz-Signature=secret'),
    );
    const error = (await opening.catch((reason: unknown) => reason)) as Error;
    expect(error.message).toContain('/data/absent?X-Amz-Signature=…');
    expect(error.message).not.toMatch(/me:|word|secret/);
    expect(server.requests[0]!.url).toContain('X-Amz-Signature=secret');
    expect(server.requests[0]!.headers.authorization).toBe(`Basic ${btoa('me:pass word')}`);
  });

  it('opens an object without bytes, and closes', async () => {
    const source = await openSource(server.put('/empty', new Uint8Array(0)));
    expect(source.byteLength).toBe(0);
    expect(await source.read(0, 0)).toEqual(new Uint8Array(0));
    expect(await streamed(source)).toHaveLength(0);
    source.close();
    await expect(source.read(0, 0)).rejects.toThrow(/was closed/);
  });
});
