import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset } from 'millrace';
import { estimateMap, mapDataset } from 'millrace/convert';
import { ConfigError, FormatError, SampleError, StorageError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { failureKind } from '../../dist/convert/map/failure-kind.js';
import { RateLimiter } from '../../dist/convert/map/rate.js';
import { bytesOf } from './folder-bytes.js';

interface Sample {
  readonly id: number;
}

let folder: string;
let address: string;
let outputs = 0;
/** Requests by sample. */
const calls = new Map<number, number>();
let together = 0;
let mostTogether = 0;
type Answer = (request: IncomingMessage, response: ServerResponse, id: number, nth: number) => void;
const ok: Answer = (_request, response, id) => response.end(JSON.stringify({ label: id % 7 }));
let answer = ok;

const server = createServer((request, response) => {
  const id = Number(new URL(request.url!, 'http://localhost').searchParams.get('id'));
  const nth = (calls.get(id) ?? 0) + 1;
  calls.set(id, nth);
  mostTogether = Math.max(mostTogether, ++together);
  response.on('close', () => {
    together -= 1;
  });
  answer(request, response, id, nth);
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-map-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  calls.clear();
  answer = ok;
  mostTogether = 0;
});

const data = new ArrayDataset(Array.from({ length: 230 }, (_, id) => ({ id })));
const place = () => join(folder, `out-${outputs++}`);
const quick = { retryMs: 1, partSamples: 50 };

/** As the `openai` package does: throws the status with the headers. */
async function label({ id }: Sample, { signal }: { readonly signal: AbortSignal }): Promise<unknown> {
  const response = await fetch(`${address}/?id=${id}`, { signal });
  if (!response.ok) {
    const { status, headers } = response;
    throw Object.assign(new Error(`status ${status}`), { status, headers });
  }
  return { id, ...((await response.json()) as object) };
}

const expected = Array.from({ length: 230 }, (_, id) => ({ id, label: id % 7 }));

function rowsIn(output: string): unknown[] {
  return readdirSync(output)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(output, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as unknown);
}

it('writes results in the order of the samples, within its concurrency, each called once', async () => {
  const output = place();
  const seen: number[] = [];
  const onProgress = ({ done }: { readonly done: number }): void => void seen.push(done);
  const done = await mapDataset(data, label, { ...quick, output, concurrency: 8, onProgress });
  expect(done).toMatchObject({ samples: 230, continued: 0, wasDone: false, usage: { calls: 230 } });
  expect(rowsIn(output)).toEqual(expected);
  expect([...calls.values()].every((count) => count === 1)).toBe(true);
  expect(mostTogether).toBeLessThanOrEqual(8);
  expect(seen.at(-1)).toBe(230);
  expect(await mapDataset(data, label, { ...quick, output })).toMatchObject({ wasDone: true });
  expect([...calls.values()].reduce((a, b) => a + b)).toBe(230);
});

it('tries again what passes: throttling, errors of the server, lost connections', async () => {
  const output = place();
  answer = (request, response, id, nth) => {
    if (nth > 1 || id % 4 === 0) ok(request, response, id, nth);
    else if (id % 4 === 1) response.writeHead(429, { 'retry-after-ms': '2' }).end();
    else if (id % 4 === 2) response.writeHead(503).end();
    else response.destroy();
  };
  const done = await mapDataset(data, label, { ...quick, output });
  expect(rowsIn(output)).toEqual(expected);
  expect(done.failures).toBeUndefined();
  for (const { id } of expected) expect(calls.get(id)).toBe(id % 4 === 0 ? 1 : 2);
});

it('tries again what stalls, even if the function does not look at its signal', async () => {
  const output = place();
  const aborted: number[] = [];
  const stalls = (
    { id }: Sample,
    { attempt, signal, index }: { attempt: number; signal: AbortSignal; index: number },
  ) => {
    if (attempt > 1 || id % 50 !== 7) return { id, attempt };
    signal.addEventListener('abort', () => aborted.push(index));
    return new Promise(() => {});
  };
  await mapDataset(data, stalls, { ...quick, output, timeoutMs: 50 });
  expect(rowsIn(output)).toEqual(expected.map(({ id }) => ({ id, attempt: id % 50 === 7 ? 2 : 1 })));
  expect(aborted.sort((a, b) => a - b)).toEqual([7, 57, 107, 157, 207]);
});

it('gives up at once on what does not pass, keeps whole parts, and calls only the others again', async () => {
  const output = place();
  let isFixed = false;
  answer = (request, response, id, nth) =>
    id === 120 && !isFixed ? response.writeHead(400).end() : ok(request, response, id, nth);
  const options = { ...quick, output, concurrency: 1 };
  const run = mapDataset(data, label, options);
  await expect(run).rejects.toThrow(SampleError);
  await expect(run).rejects.toThrow(/The function failed on a sample: status 400 \(index 120\)/);
  expect(calls.get(120)).toBe(1);
  isFixed = true;
  const done = await mapDataset(data, label, options);
  expect(rowsIn(output)).toEqual(expected);
  expect(done.continued).toBeGreaterThanOrEqual(100);
  for (let id = 0; id < 100; id++) expect(calls.get(id)).toBe(1);
});

it('lets as many samples fail as the budget allows; their rows hold the error', async () => {
  const output = place();
  answer = (request, response, id, nth) =>
    id % 100 === 99 ? response.writeHead(400).end() : ok(request, response, id, nth);
  const options = { ...quick, output };
  await expect(mapDataset(data, label, { ...options, maxFailures: 1 })).rejects.toThrow(
    /failed on 2 samples.*1 may fail/,
  );
  expect(await mapDataset(data, label, { ...options, maxFailures: 2 })).toMatchObject({ failures: 2 });
  const rows = rowsIn(output);
  expect(rows[99]).toEqual({ error: 'status 400' });
  expect(rows.filter((row) => 'error' in (row as object))).toHaveLength(2);
});

it('writes Parquet, with lists of samples', async () => {
  const output = place();
  const sizes = new Set<number>();
  const inLists = (samples: readonly Sample[]) => {
    sizes.add(samples.length);
    return samples.map(({ id }) => ({ id, half: id / 2 }));
  };
  const options = { ...quick, output, to: 'parquet' as const, batchSize: 20 };
  await mapDataset(data, inLists, options);
  expect([...sizes].sort((a, b) => a - b)).toEqual([10, 20]);
  const { dataset } = await openDataset(output);
  expect(await dataset.get(229, undefined as never)).toEqual({ id: 229n, half: 114.5 });
  await dataset.close?.();
  const first = bytesOf(output);
  expect(existsSync(`${output}.results`)).toBe(false);
  expect(await mapDataset(data, inLists, options)).toMatchObject({ wasDone: true, samples: 230 });
  expect(bytesOf(output)).toEqual(first);
  const wrong = mapDataset(data, () => [1], { ...options, output: place() });
  await expect(wrong).rejects.toThrow(/returned 1 results for 20 samples/);
});

it('estimates calls, tokens and cost from a part of the samples, and writes nothing', async () => {
  const output = place();
  const fn = async (sample: Sample, context: { signal: AbortSignal; report(used: object): void }) => {
    context.report({ tokens: 10, cost: 0.5 });
    return label(sample, context);
  };
  const estimate = await estimateMap(data, fn, { ...quick, output });
  expect(estimate).toMatchObject({ samples: 230, called: 10, failures: 0, calls: 230, tokens: 2_300 });
  expect(estimate.cost).toBeCloseTo(115);
  expect(calls.size).toBe(10);
  expect(existsSync(output)).toBe(false);
  answer = (_request, response) => response.writeHead(401).end();
  await expect(estimateMap(data, label, { output })).rejects.toThrow(/status 401/);
});

it('refuses what it cannot do', async () => {
  const output = place();
  const run = (more: object, fn: unknown = label) => mapDataset(data, fn as never, { output, ...more });
  await expect(run({ rate: '600 a minute' })).rejects.toThrow(ConfigError);
  await expect(run({ rate: '600 a minute' })).rejects.toThrow(/rate: must be a rate: 600\/min/);
  await expect(run({ redis: 'redis://127.0.0.1:1' })).rejects.toThrow(/data: must be names of files/);
  await expect(run({}, 5)).rejects.toThrow(/fn: must be a function/);
  await expect(run({}, () => ({ a: 1n << 80n }))).rejects.toThrow(FormatError);
  writeFileSync(output, 'something');
  await expect(run({ to: 'parquet' }, () => 1)).rejects.toThrow(StorageError);
});

it('keeps to rates of calls and tokens', async () => {
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (ms: number): Promise<void> => {
      now += ms;
    },
  };
  const perMinute = new RateLimiter('600/min', undefined, clock);
  for (let call = 0; call <= 600; call++) await perMinute.start();
  expect(now).toBeCloseTo(60_000);
  perMinute.pause(5_000);
  await perMinute.start();
  expect(now).toBeCloseTo(65_000);
  now = 0;
  const byTokens = new RateLimiter(undefined, '6000/min', clock);
  for (let call = 0; call < 120; call++) (await byTokens.start())(50);
  // 120 calls of 50 tokens are a minute's worth.
  expect(now).toBeGreaterThan(59_000);
  expect(now).toBeLessThan(61_000);
});

it.each([
  [
    { status: 429, headers: new Headers({ 'retry-after': '3' }) },
    { isPassing: true, waitMs: 3_000 },
  ],
  [
    { statusCode: 529, responseHeaders: { 'Retry-After-Ms': '250' } },
    { isPassing: true, waitMs: 250 },
  ],
  [{ statusCode: 403 }, { isPassing: false }],
  [{ name: 'AI_RetryError', lastError: { statusCode: 500 } }, { isPassing: true }],
  [new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } }), { isPassing: true }],
  [new DOMException('late', 'TimeoutError'), { isPassing: true }],
  [new TypeError('x is undefined'), { isPassing: false }],
  ['text', { isPassing: false }],
])('%o fails as %o', (error, kind) => {
  expect(failureKind(error)).toEqual(kind);
});
