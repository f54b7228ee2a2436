// Files as Millrace writes them, and what other readers saw in them: how that was found is beside them.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { IndexedDataset, ParquetDataset, WebDataset } from 'millrace/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plain } from '../formats/plain-values.js';

const given = fileURLToPath(new URL('../fixtures/formats/round-trips/', import.meta.url));
const written = join(given, 'written');

type Reader = 'pyarrow' | 'polars' | 'datasets' | 'fastparquet';
type Row = Readonly<Record<string, unknown>>;
interface Seen {
  readonly tables: Readonly<
    Record<
      string,
      {
        /** Types of the columns by Arrow's names. */
        readonly schema: Readonly<Record<string, string>>;
        readonly rows: readonly Row[];
        /** Columns that a reader saw otherwise. */
        readonly otherwise: Readonly<Record<Reader, Readonly<Record<string, readonly unknown[]>>>>;
      }
    >
  >;
  readonly tokens: Readonly<
    Record<
      string,
      {
        readonly dtype: string;
        readonly sizes: readonly number[];
        readonly documents: readonly number[];
        readonly items: readonly (readonly number[])[];
      }
    >
  >;
  readonly shards: Readonly<
    Record<string, readonly [name: string, mode: number, mtime: number, isFile: boolean, hex: string][]>
  >;
}
const seen = JSON.parse(readFileSync(join(written, 'seen.json'), 'utf8')) as Seen;
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'seen.json')
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-readers-'));
  await promisify(execFile)(process.execPath, [join(given, 'write-files.js'), folder]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('what is written is what the readers were shown, byte for byte', () => {
  const names = filesIn(written);
  expect(names.length).toBeGreaterThan(8);
  expect(filesIn(folder)).toEqual(names);
  for (const name of names)
    expect(readFileSync(join(folder, name)).equals(readFileSync(join(written, name))), name).toBe(true);
});

/** Columns that hold JSON, which pyarrow has as text. */
const json = ['meta', 'chat'];

describe.each(Object.entries(seen.tables))('%s', (name, { schema, rows, otherwise }) => {
  it('has the columns and the values that the readers saw', async () => {
    const dataset = await ParquetDataset.open<Row>(join(written, name));
    expect(dataset.columns.map((column) => column.name)).toEqual(Object.keys(schema));
    expect(dataset.length).toBe(rows.length);
    for (const [index, row] of rows.entries()) {
      const parsed = Object.entries(row).map(([column, value]) => [
        column,
        json.includes(column) && typeof value === 'string' ? JSON.parse(value) : value,
      ]);
      expect(plain(await dataset.get(index))).toEqual(Object.fromEntries(parsed));
    }
    dataset.close();
  });

  it('reads the same in all readers, except for types that a reader lacks', () => {
    expect(otherwise.pyarrow).toEqual({});
    expect(otherwise.datasets).toEqual({});
    const text = (column: string) => rows.map((row) => row[column] as string | null);
    for (const [column, values] of Object.entries(otherwise.polars)) {
      expect(json).toContain(column);
      const hex = text(column).map((value) => value && { hex: Buffer.from(value).toString('hex') });
      expect(values).toEqual(hex);
    }
    for (const [column, values] of Object.entries(otherwise.fastparquet)) {
      if (json.includes(column))
        expect(values).toEqual(text(column).map((value) => value && JSON.parse(value)));
      else if (schema[column] === 'double')
        expect(values).toEqual(rows.map((row) => row[column] ?? { float: 'nan' }));
      else expect(schema[column]).toMatch(/^list</);
    }
  });
});

it.each(Object.entries(seen.tokens))("%s is read by DeepSpeed's MMapIndexedDataset", async (name, of) => {
  const dataset = await IndexedDataset.open(join(written, name));
  expect(of.dtype).toBe(`<class 'numpy.${dataset.dtype}'>`);
  expect(Array.from(dataset.sizes)).toEqual(of.sizes);
  expect(Array.from(dataset.documentIndex)).toEqual(of.documents);
  expect(of.items.map((_, k) => Array.from(dataset.get(k).data as Int32Array))).toEqual(of.items);
  dataset.close();
});

it.each(Object.entries(seen.shards))("shards/%s is read by Python's tarfile", async (name, members) => {
  const dataset = await WebDataset.open(join(written, 'shards', name), { decode: false });
  const own: unknown[] = [];
  for (let index = 0; index < dataset.length; index++) {
    const { __key__: key, ...parts } = await dataset.get(index);
    for (const [ending, bytes] of Object.entries(parts))
      own.push([`${key}.${ending}`, Buffer.from(bytes as Uint8Array).toString('hex')]);
  }
  expect(own).toEqual(members.map(([member, , , , hex]) => [member, hex]));
  // Owner, rights and date are the same for every writer.
  for (const [, mode, mtime, isFile] of members) expect([mode, mtime, isFile]).toEqual([0o644, 0, true]);
  dataset.close();
});
