import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataLoader, type Dataset, type JsonObject, MillraceError, type SampleContext } from 'millrace';
import { ArrowDataset, ParquetDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from '../storage/object-server.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const { rows: expected } = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as {
  rows: Record<string, JsonObject>;
};
const context = {} as SampleContext;

/** As JSON has it: whole numbers of 64 bits as numbers, typed arrays as lists. */
function asJson(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner === 'bigint') return Number(inner);
      return ArrayBuffer.isView(inner) ? Array.from(inner as Uint8Array) : inner;
    }),
  );
}

const files = ['none', 'snappy', 'gzip', 'zstd', 'lz4', 'brotli'].map((codec) => `table-${codec}.parquet`);
describe.each([
  ...files.map((file) => [file, ParquetDataset] as const),
  ...['table.arrow', 'table-stream.arrows', 'table-lz4.feather', 'table-zstd.feather'].map(
    (file) => [file, ArrowDataset] as const,
  ),
])('%s', (file, Class) => {
  it('has the rows that pyarrow wrote, in any order', async () => {
    const dataset: Dataset<unknown> = await Class.open(fixture(file));
    expect(dataset.length).toBe(1_000);
    for (const [index, row] of Object.entries(expected).reverse())
      expect(asJson(await dataset.get(Number(index), context))).toEqual(row);
    // Plain data, which can be sent to another thread.
    expect(structuredClone(await dataset.get(7, context))).toEqual(await dataset.get(7, context));
    for (let index = 0; index < 1_000; index += 37)
      expect(asJson(await dataset.get(index, context))).toMatchObject({ id: index });
  });
});

describe.each([
  ['ParquetDataset', 'table-zstd.parquet', ParquetDataset],
  ['ArrowDataset', 'table.arrow', ArrowDataset],
] as const)('%s', (_, file, Class) => {
  it('reads the requested columns, and lists the columns if one does not exist', async () => {
    const dataset = await Class.open(fixture(file), { columns: ['word', 'id'] });
    expect(asJson(await dataset.get(5))).toEqual({ word: 'blue', id: 5 });
    expect(dataset.columns.map(({ name }) => name)).toEqual(['word', 'id']);
    expect(dataset.shardLengths).toEqual([300, 300, 300, 100]);
    await expect(Class.open(fixture(file), { columns: ['wurd'] })).rejects.toThrow(/no column wurd.*word/);
    expect(() => dataset.get(1_000)).toThrow(/has no sample 1000/);
  });

  it('is one dataset over several files, the same in workers and over HTTP', async () => {
    const server = await new ObjectServer().start();
    const urls = ['a', 'b'].map((name) => server.put(`/${name}`, readFileSync(fixture(file))));
    const options = { columns: ['id', 'score', 'text'] };
    const paths = [fixture(file), fixture(file)];
    const seen: unknown[] = [];
    for (const [given, numWorkers] of [
      [paths, 0],
      [paths, 2],
      [urls, 1],
    ] as const) {
      const dataset = await Class.open(given, options);
      expect(dataset.length).toBe(2_000);
      await using loader = new DataLoader(dataset, { batchSize: 64, shuffle: true, numWorkers });
      const batches: unknown[] = [];
      for await (const batch of loader) batches.push(batch);
      seen.push({ batches, state: loader.stateDict() });
    }
    for (const other of seen) expect(other).toEqual(seen[0]);
    await server.stop();
  });

  it('refuses files with other columns', async () => {
    const others =
      Class === ParquetDataset ? [fixture('table-zstd.parquet'), fixture('empty.parquet')] : [fixture(file)];
    const dataset = await Class.open(others);
    expect(dataset.length).toBe(1_000);
    const damaged = new MemorySource(Buffer.from('not a table at all, by any means'), 'x.bin');
    await expect(Class.open(damaged)).rejects.toThrow(/cannot be read: .*x\.bin/);
  });

  // A prime number of bytes apart.
  const flipEvery = searchSize({ short: 1_999, long: 7 });
  it('never crashes or hangs on a flipped byte: a typed error, or data', async () => {
    const bytes = readFileSync(fixture(file));
    let errors = 0;
    for (let at = 0; at < bytes.length; at += flipEvery) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      try {
        const dataset: Dataset<unknown> = await Class.open(new MemorySource(damaged, 'damaged'));
        for (const index of [0, 299, 300, 999]) await dataset.get(index, context);
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        errors += 1;
      }
    }
    expect(errors).toBeGreaterThan(1);
  });
});

describe.each([
  ['table-zstd.parquet', ParquetDataset],
  ['table.arrow', ArrowDataset],
  ['table-stream.arrows', ArrowDataset],
] as const)('%s cut short', (file, Class) => {
  const cutEvery = searchSize({ short: 3_989, long: 61 });
  it('is refused, wherever it ends', async () => {
    const bytes = readFileSync(fixture(file));
    for (let length = 0; length < bytes.length; length += cutEvery) {
      const opening = Class.open(new MemorySource(bytes.subarray(0, length), 'short'));
      await expect(opening).rejects.toThrow(MillraceError);
    }
  });
});

describe('ParquetDataset', () => {
  it('has the rows that a filter lets through, and does not read pages that cannot have any', async () => {
    const server = await new ObjectServer().start();
    const url = server.put('/t.parquet', readFileSync(fixture('table-none.parquet')));
    const filter = { id: { $gte: 640, $lt: 660 }, flag: { $eq: true } };
    const dataset = await ParquetDataset.open(url, { columns: ['id', 'flag'], filter });
    const rows = await Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k)));
    expect(asJson(rows)).toEqual([642, 645, 648, 651, 654, 657].map((id) => ({ id, flag: true })));
    expect(dataset.fingerprint()).not.toBe(
      (await ParquetDataset.open(url, { columns: ['id', 'flag'] })).fingerprint(),
    );
    await server.stop();
  });
});
