// Files as polars, fastparquet, pyarrow and Hugging Face datasets write them: how they were made is beside them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SampleContext } from 'millrace';
import { ArrowDataset, openDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';
import { plain } from './plain-values.js';

const made = (name: string) =>
  fileURLToPath(new URL(`../fixtures/formats/round-trips/made/${name}`, import.meta.url));
type Row = Readonly<Record<string, unknown>>;
const expected = JSON.parse(readFileSync(made('expected.json'), 'utf8')) as Readonly<
  Record<'polars' | 'fastparquet' | 'datasets' | 'pyarrow' | 'missing', readonly Row[]>
>;

async function rowsOf(name: string): Promise<Row[]> {
  const { dataset } = await openDataset(made(name));
  const rows: Row[] = [];
  for (let index = 0; index < dataset.length; index++)
    rows.push((await dataset.get(index, {} as SampleContext)) as Row);
  await dataset.close?.();
  return rows;
}

describe('polars.csv', () => {
  it('has every digit of long whole numbers, as text, and null for missing booleans', async () => {
    const columns = ['id', 'int64', 'float32', 'flag', 'text'];
    const rows = choose(expected.polars, columns).map((row) => ({
      ...row,
      int64: String(row.int64 ?? '').replace('n', ''),
      text: row.text ?? '',
    }));
    expect((await rowsOf('polars.csv')).map(plain)).toEqual(rows);
  });
});

describe('datasets', () => {
  it('says where a value is that cannot be', async () => {
    const bytes = Uint8Array.from(readFileSync(made('datasets/data-00000-of-00002.arrow')));
    const time = Buffer.alloc(8);
    time.writeBigInt64LE(BigInt(Date.UTC(2026, 0, 1) / 1_000));
    // Its highest byte: a second in the far future.
    bytes[Buffer.from(bytes).indexOf(time) + 7] = 0x7f;
    const dataset = await ArrowDataset.open(new MemorySource(bytes, 'damaged.arrow'));
    await expect((async () => dataset.get(0))()).rejects.toThrow(
      /damaged\.arrow, record batch 0, column when/,
    );
  });
});

describe('polars.arrow', () => {
  it('has checksums: a byte flipped in what is compressed is an error, never other data', async () => {
    const bytes = readFileSync(made('polars.arrow'));
    const begin = Buffer.from([0x04, 0x22, 0x4d, 0x18]);
    let frames = 0;
    for (let at = bytes.indexOf(begin); at >= 0; at = bytes.indexOf(begin, at + 1)) {
      const damaged = Uint8Array.from(bytes);
      // The first byte of the first block.
      damaged[at + 11]! ^= 0x20;
      const reading = (async () => {
        const dataset = await ArrowDataset.open(new MemorySource(damaged, 'damaged.arrow'));
        await dataset.get(0);
      })();
      await expect(reading).rejects.toThrow(/LZ4/);
      frames += 1;
    }
    expect(frames).toBeGreaterThan(20);
  });
});

/** Rows with these columns only. */
const choose = (rows: readonly Row[], columns: readonly string[]) =>
  rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name]])));

describe.each([
  ['polars.parquet', 'polars'],
  ['polars-uncompressed.parquet', 'polars'],
  ['polars-snappy.parquet', 'polars'],
  ['polars-gzip.parquet', 'polars'],
  ['polars-brotli.parquet', 'polars'],
  ['polars-lz4.parquet', 'polars'],
  ['polars.arrow', 'polars'],
  ['polars-views.arrow', 'polars'],
  ['polars.jsonl', 'polars'],
  ['fastparquet-v1.parquet', 'fastparquet'],
  ['fastparquet-v2.parquet', 'fastparquet'],
  ['fastparquet', 'fastparquet'],
  ['datasets', 'datasets'],
  ['datasets.parquet', 'datasets'],
  ['datasets.jsonl', 'datasets'],
  ['pyarrow.arrow', 'pyarrow'],
  ['pyarrow.parquet', 'pyarrow'],
  ['missing-lz4.parquet', 'missing'],
  ['missing-zstd.parquet', 'missing'],
] as const)('%s', (name, writer) => {
  it('has every value that its writer put there, and no other', async () => {
    const rows = await rowsOf(name);
    expect(rows.map(plain)).toEqual(choose(expected[writer], Object.keys(rows[0]!)));
    // Nothing that is missing is undefined, and all of it can be sent to another thread.
    expect(structuredClone(rows)).toStrictEqual(rows);
    expect(JSON.stringify(rows.map(plain))).not.toContain('undefined');
  });
});
