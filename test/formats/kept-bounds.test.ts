// Where records begin, kept from run to run: whether a file is looked through again is seen by what a server sends, or by the time.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { CsvDataset, JsonlDataset, TextDataset } from 'millrace/formats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';

const lineCount = 60_000;
const lines = Array.from({ length: lineCount }, (_, id) => ({ id, text: `line ${id} `.repeat(8) }));
const jsonl = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
const csv = Buffer.from(`\ufeffid,text\n${lines.map(({ id, text }) => `${id},"${text}\nb"\n`).join('')}`);

const server = new ObjectServer();
let folder = '';
beforeAll(async () => {
  await server.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-bounds-'));
  server.requests.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const entries = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{40}$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name));

describe('the index of a file of records', () => {
  it.each([
    ['jsonl', jsonl, JsonlDataset],
    ['csv', csv, CsvDataset],
    ['txt', jsonl, TextDataset],
  ] as const)(
    'is made once: a second run reads no data of a .%s to open it, and has the same samples',
    async (ending, bytes, Class) => {
      const url = server.put(`/data.${ending}`, bytes);
      vi.stubEnv('MILLRACE_CACHE', folder);
      const sent: number[] = [];
      const samples: unknown[][] = [];
      for (let run = 0; run < 2; run++) {
        server.requests.length = 0;
        // Without a cache of blocks, so that every read is a request.
        const dataset = await Class.open(url, { cache: false });
        sent.push(bytesAskedFor(bytes.length));
        samples.push([dataset.length, await dataset.get(0), await dataset.get(lineCount - 1)]);
        dataset.close();
      }
      expect(sent[0]).toBeGreaterThanOrEqual(bytes.length);
      // The fingerprint's three samples, a header, a few rows for types.
      expect(sent[1]).toBeLessThan(bytes.length);
      expect(samples[1]).toEqual(samples[0]);
    },
  );

  it('is found again when it is damaged on the disk, wherever', async () => {
    const path = join(folder, 'data.jsonl');
    writeFileSync(path, jsonl);
    const cache = { folder: join(folder, 'cache') };
    const length = async () => {
      const dataset = await openInProcess(path, cache);
      const last = await dataset.get(lineCount - 1);
      dataset.close();
      return [dataset.length, last];
    };
    const expected = [lineCount, lines.at(-1)];
    expect(await length()).toEqual(expected);
    const [entry] = entries();
    const whole = readFileSync(entry!);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const bytes = Buffer.from(whole);
          bytes[at]! ^= flip;
          writeFileSync(entry!, bytes);
          expect(await length()).toEqual(expected);
          expect(readFileSync(entry!).equals(whole)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
    writeFileSync(entry!, whole.subarray(0, 1_000));
    expect(await length()).toEqual(expected);
  });

  it('belongs to one version of a file: what neither length nor fingerprint shows is looked through again', async () => {
    const path = join(folder, 'data.jsonl');
    const cache = { folder: join(folder, 'cache') };
    writeFileSync(path, jsonl);
    (await JsonlDataset.open(path, { cache })).close();
    const order = [...lines];
    [order[9_999], order[10_000]] = [lines[10_000]!, lines[9_999]!];
    writeFileSync(path, order.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const dataset = await JsonlDataset.open(path, { cache });
    for (const index of [9_999, 10_000, 10_001]) expect(await dataset.get(index)).toEqual(order[index]);
    expect(entries()).toHaveLength(2);
    dataset.close();
  });

  it('is skipped where the cache cannot be written', async () => {
    const path = join(folder, 'data.jsonl');
    writeFileSync(path, jsonl);
    writeFileSync(join(folder, 'file'), '');
    const dataset = await JsonlDataset.open(path, { cache: { folder: join(folder, 'file', 'cache') } });
    expect(dataset.length).toBe(lineCount);
    dataset.close();
  });
});

/** Each time through a cache of its own, as another process has it: it has not looked at the entry yet. */
let sizes = 2 ** 30;
function openInProcess(path: string, { folder: where }: { folder: string }): Promise<JsonlDataset> {
  return JsonlDataset.open(path, { cache: { folder: where, maxBytes: sizes++ } });
}

function bytesAskedFor(total: number): number {
  let sum = 0;
  for (const { headers } of server.requests) {
    const [, from = '0', to = String(total - 1)] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    sum += Number(to) - Number(from) + 1;
  }
  return sum;
}
