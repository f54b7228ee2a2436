import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataLoader, MillraceError, type Tensor } from 'millrace';
import { NpyDataset, NpzDataset, SafetensorsDataset } from 'millrace/formats';
import { type ByteSource, MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from '../storage/object-server.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const { arrays: expected } = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as {
  arrays: Record<string, { shape: number[]; values: string[] }>;
};
const names = Object.keys(expected).filter((name) => name !== 'bfloat16');

/** An array as Python prints its elements, from its rows. */
function listed(rows: readonly Tensor[]): string[] {
  return rows.flatMap(({ dtype, data }) =>
    Array.from(data as ArrayLike<number | bigint>, (value) => shown(dtype, value)),
  );
}

function shown(dtype: string, value: number | bigint): string {
  if (dtype === 'bool') return value ? 'True' : 'False';
  if (typeof value === 'bigint' || !dtype.startsWith('float')) return String(value);
  return String(Number(value));
}

/** Python and JavaScript write some floats differently: both are read again. */
function sameNumbers(found: readonly string[], wanted: readonly string[]): void {
  const asNumber = (text: string) => (/^[TF]/.test(text) ? text : Number(text.replace(/^inf$/, 'Infinity')));
  const isWhole = wanted.every((text) => /^-?\d+$/.test(text));
  expect(isWhole ? found : found.map(asNumber)).toEqual(isWhole ? wanted : wanted.map(asNumber));
}

describe('NpyDataset', () => {
  it.each(names)('gives the rows that numpy wrote: %s', async (name) => {
    const dataset = await NpyDataset.open(fixture(`${name}.npy`));
    const { shape, values } = expected[name]!;
    expect([dataset.length, ...dataset.sampleShape]).toEqual(shape);
    expect(dataset.storedDType).toBe(name);
    const rows = await Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k)));
    expect(rows[0]!.shape).toEqual(shape.slice(1));
    sameNumbers(listed(rows), values);
  });

  it.each(['fortran.npy', 'big-endian.npy'])('gives the rows of other layouts: %s', async (file) => {
    const [dataset, plain] = await Promise.all([
      NpyDataset.open(fixture(file)),
      NpyDataset.open(fixture('float32.npy')),
    ]);
    expect([dataset.length, dataset.sampleShape]).toEqual([plain.length, plain.sampleShape]);
    for (let k = 0; k < plain.length; k++) expect(await dataset.get(k)).toEqual(await plain.get(k));
  });

  it.each([
    ['text.npy', /elements of the dtype <U1/],
    ['scalar.npy', /single number: it has no rows/],
    ['arrays.npz', /not an \.npy file: it does not begin with/],
  ])('refuses what it cannot give, and says what to save instead: %s', async (name, message) => {
    await expect(NpyDataset.open(fixture(name))).rejects.toThrow(message);
  });

  it('notices a file that was cut short', async () => {
    const bytes = readFileSync(fixture('float32.npy'));
    for (let length = 0; length < bytes.length; length++) {
      const opening = NpyDataset.open(new MemorySource(bytes.subarray(0, length), 'short.npy'));
      await expect(opening).rejects.toThrow(MillraceError);
    }
  });

  it('is loaded unchanged, with and without workers, from a file and from a server', async () => {
    const server = await new ObjectServer().start();
    const url = server.put('/f.npy', readFileSync(fixture('float32.npy')));
    const seen: unknown[] = [];
    for (const [file, numWorkers] of [
      [fixture('float32.npy'), 0],
      [fixture('float32.npy'), 2],
      [url, 0],
      [url, 2],
    ] as const) {
      await using loader = new DataLoader(await NpyDataset.open(file), {
        batchSize: 2,
        shuffle: true,
        numWorkers,
      });
      const batches: unknown[] = [];
      for await (const batch of loader) batches.push(batch);
      seen.push(batches);
    }
    for (const other of seen) expect(other).toEqual(seen[0]);
    expect((seen[0] as Tensor[])[0]!.shape).toEqual([2, 3, 2]);
    await server.stop();
  });
});

describe.each([
  ['NpzDataset of savez', 'arrays.npz', NpzDataset, names],
  ['NpzDataset of savez_compressed', 'arrays-compressed.npz', NpzDataset, names],
  ['SafetensorsDataset', 'arrays.safetensors', SafetensorsDataset, [...names, 'bfloat16']],
] as const)('%s', (_, file, Class, arrays) => {
  it('gives the rows of all arrays', async () => {
    const dataset = await Class.open(fixture(file));
    expect(dataset.columns.map(({ name }) => name).sort()).toEqual([...arrays].sort());
    const rows = await Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.get(k)));
    for (const name of arrays) sameNumbers(listed(rows.map((row) => row[name]!)), expected[name]!.values);
  });

  it('chooses arrays, and makes whole batches of them in workers', async () => {
    const dataset = await Class.open(fixture(file), { columns: ['int64', 'float16'] });
    await using loader = new DataLoader(dataset, { batchSize: 5, numWorkers: 1 });
    for await (const batch of loader) {
      expect(batch.float16!.shape).toEqual([5, 2]);
      sameNumbers(listed([batch.float16!]), expected.float16!.values);
      sameNumbers(listed([batch.int64!]), expected.int64!.values);
    }
    await expect(Class.open(fixture(file), { columns: ['x'] })).rejects.toThrow(/no array x; there are/);
  });

  it('never crashes on a flipped byte or a shorter file: a typed error, or data', async () => {
    const bytes = readFileSync(fixture(file));
    const attempt = async (source: ByteSource) => {
      try {
        const dataset = await Class.open(source);
        for (let index = 0; index < Math.min(dataset.length, 5); index++) await dataset.get(index);
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
      }
    };
    const flipEvery = searchSize({ short: 5, long: 1 });
    for (let at = 0; at < bytes.length; at += flipEvery) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      await attempt(new MemorySource(damaged, 'damaged'));
      if (at % 7 === 0) await attempt(new MemorySource(bytes.subarray(0, at), 'short'));
    }
  });
});
