// Small Parquet and Arrow files of every encoding and type: fixtures/formats/corpus/make_corpus.py makes them with pyarrow.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArrowDataset, ParquetDataset } from 'millrace/formats';
import { expect, it } from 'vitest';
import { plain } from './plain-values.js';

const folder = fileURLToPath(new URL('../fixtures/formats/corpus/', import.meta.url));
const expected = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Record<string, unknown>[];

async function rowsOf(name: string): Promise<unknown[]> {
  const Class = name.endsWith('.parquet') ? ParquetDataset : ArrowDataset;
  const dataset = await Class.open(folder + name);
  const rows: unknown[] = [];
  for (let index = 0; index < dataset.length; index++) rows.push(plain(await dataset.get(index)));
  dataset.close();
  return rows;
}

/** Files with other columns than the rest. */
const others = ['delta.arrows', 'repeated.parquet'];
const files = readdirSync(folder).filter(
  (name) => /\.(parquet|arrows?)$/.test(name) && !others.includes(name),
);

it.each(files)('%s has the values that pyarrow reads', async (name) => {
  const rows = (await rowsOf(name)) as Record<string, unknown>[];
  const names = Object.keys(rows[0]!);
  expect(names.length).toBeGreaterThan(6);
  expect(rows).toEqual(
    expected.map((row) => Object.fromEntries(names.map((column) => [column, row[column]]))),
  );
});

it('adds to a dictionary what a stream says later', async () => {
  expect(await rowsOf('delta.arrows')).toEqual(['a', 'b', 'c', 'a'].map((category) => ({ category })));
});
