import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { ConfigError } from 'millrace/errors';
import {
  ArrowDataset,
  CsvDataset,
  JsonlDataset,
  openDataset,
  ParquetDataset,
  type Where,
} from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const recorded = JSON.parse(readFileSync(fixture('tables/partitions.json'), 'utf8')) as {
  folders: { folders: string[]; columns: [string, string][]; rows: Record<string, unknown>[] }[];
  filtered: { folders: string[]; v: (number | null)[][]; text: (string | null)[][] };
  filters: { where: Where; rows: Record<string, unknown>[] }[];
};
const context = {} as SampleContext;

async function rowsOf(dataset: Dataset<unknown>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (let index = 0; index < dataset.length; index++)
    rows.push((await dataset.get(index, context)) as Record<string, unknown>);
  return rows;
}

/** Writes files below a new folder, in which each file has a path. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'where-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

type Row = { readonly v: number | null; readonly text: string | null };

function parquetOf(rows: readonly Row[], rowGroupSize = 4): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'v', data: rows.map(({ v }) => v), type: 'INT32', nullable: true },
        { name: 'text', data: rows.map(({ text }) => text), type: 'STRING', nullable: true },
      ],
      rowGroupSize,
    }),
  );
}

/** How each format writes rows. CSV has a marker for missing values. */
const writers = {
  parquet: parquetOf,
  jsonl: (rows: readonly Row[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  json: (rows: readonly Row[]) => JSON.stringify({ data: { items: rows } }, null, 1),
  csv: (rows: readonly Row[]) =>
    `v,text\n${rows.map(({ v, text }) => `${v ?? 'NA'},${text === null ? 'NA' : `"${text}"`}\n`).join('')}`,
};
const options = {
  parquet: {},
  jsonl: {},
  json: { field: 'data.items' },
  csv: { missing: ['NA'], types: { v: 'number', text: 'string' } },
} as const;
const kinds = Object.keys(writers) as (keyof typeof writers)[];

/** Rows as other formats have them: a missing number of CSV is NaN. */
const alike = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => ({ ...row, ...('v' in row && { v: Number.isNaN(row.v) ? null : row.v }) }));
const sorted = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort();

describe('where', () => {
  it.each(kinds)('selects from partitioned %s what pyarrow.dataset selects', async (kind) => {
    const { folders, v, text } = recorded.filtered;
    const files = folders.map((folder, k) => {
      const rows = v[k]!.map((value, row) => ({ v: value, text: text[k]![row]! }));
      return [`${folder}/part-${k}.${kind}`, writers[kind](rows)] as const;
    });
    const root = folderOf(Object.fromEntries(files));
    for (const { where, rows } of recorded.filters) {
      const { dataset } = await openDataset(root, { where, ...options[kind] });
      expect(dataset.length, JSON.stringify(where)).toBe(rows.length);
      expect(sorted(alike(await rowsOf(dataset))), JSON.stringify(where)).toEqual(sorted(rows));
      await dataset.close?.();
    }
  });

  it('selects the same rows in every format, for any condition', async () => {
    const value = fc.option(fc.integer({ min: -3, max: 3 }), { nil: null });
    const word = fc.option(fc.constantFrom('', 'a', 'ab', 'é', '\ue000', '😀'), { nil: null });
    const order = fc.constantFrom('gt', 'gte', 'lt', 'lte');
    const condition = <T>(target: fc.Arbitrary<T>) =>
      fc.oneof(
        fc.option(target, { nil: null }),
        fc.record({ ne: fc.option(target, { nil: null }) }),
        fc.tuple(order, target).map(([operator, operand]) => ({ [operator]: operand })),
        fc.array(fc.option(target, { nil: null }), { maxLength: 3 }).map((list) => ({ in: list })),
        fc.array(fc.option(target, { nil: null }), { maxLength: 3 }).map((list) => ({ notIn: list })),
      );
    const test = fc.oneof(
      fc.record({ v: condition(fc.integer({ min: -3, max: 3 })) }),
      fc.record({ text: condition(fc.constantFrom('', 'a', 'ab', 'é', '\ue000', '😀')) }),
    ) as fc.Arbitrary<Where>;
    const where = fc.oneof(
      test,
      fc.array(test, { maxLength: 3 }).map((or): Where => ({ or })),
      fc.tuple(test, test).map(([one, two]): Where => ({ and: [one, { or: [two, one] }] })),
    );
    const rows = fc.array(fc.record({ v: value, text: word }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(rows, where, async (written, condition) => {
        const source = (content: string | Uint8Array) =>
          new MemorySource(typeof content === 'string' ? new TextEncoder().encode(content) : content);
        const found = await Promise.all([
          JsonlDataset.open(source(writers.jsonl(written)), { where: condition }),
          ParquetDataset.open(source(writers.parquet(written)), { where: condition }),
          CsvDataset.open(source(writers.csv(written)), { where: condition, ...options.csv }),
        ]);
        const [expected, ...others] = await Promise.all(found.map(async (one) => alike(await rowsOf(one))));
        for (const other of others) expect(other).toEqual(expected);
      }),
      { numRuns: searchSize({ short: 150, long: 5_000 }) },
    );
  });

  it('keeps the order of the rows, in workers too, and is part of the fingerprint', async () => {
    const rows = Array.from({ length: 500 }, (_, k) => ({ v: k % 7, text: `row ${k}` }));
    for (const kind of kinds) {
      const root = folderOf({
        [`p=1/a.${kind}`]: writers[kind](rows.slice(0, 200)),
        [`p=2/b.${kind}`]: writers[kind](rows.slice(200)),
      });
      const open = (where?: Where) =>
        openDataset(root, { columns: ['p', 'text'], ...options[kind], ...(where && { where }) });
      const all = await open();
      const { dataset, columns } = await open({ v: { in: [2, 3] } });
      const expected = rows.flatMap(({ v, text }, k) =>
        v === 2 || v === 3 ? [{ p: k < 200 ? 1 : 2, text }] : [],
      );
      expect(await rowsOf(dataset), kind).toEqual(expected);
      expect(columns?.map(({ name }) => name) ?? ['p', 'text']).toEqual(['p', 'text']);
      const prints = [
        all,
        await open({ v: 2 }),
        await open({ v: { eq: 2n } }),
        await open({ v: '2' as never }).catch(() => all),
      ].map((one) => one.dataset.fingerprint!());
      expect(new Set([...prints, dataset.fingerprint!()]).size, kind).toBe(3);
      await using loader = new DataLoader(dataset, { batchSize: expected.length, numWorkers: 1 });
      for await (const batch of loader)
        expect((batch as { text: string[] }).text).toEqual(expected.map(({ text }) => text));
    }
  });

  it('does not open files that folder names rule out, nor row groups that statistics rule out', async () => {
    const rows = Array.from({ length: 64 }, (_, k) => ({ v: k, text: null }));
    const root = folderOf({
      'year=2023/broken.parquet': 'PAR1 broken',
      'year=2024/a.parquet': parquetOf(rows),
    });
    const { dataset } = await openDataset(root, { where: { year: { gte: 2024 }, v: { gte: 60 } } });
    expect((await rowsOf(dataset)).map(({ v }) => v)).toEqual([60, 61, 62, 63]);
    await expect(openDataset(root)).rejects.toThrow(/broken\.parquet/);

    const bytes = parquetOf(
      Array.from({ length: 4_000 }, (_, k) => ({ v: k, text: `text ${k}` })),
      500,
    );
    const readFor = async (where: Where) => {
      let read = 0;
      const source = new (class extends MemorySource {
        override async read(start: number, end: number): Promise<Uint8Array> {
          read += end - start;
          return super.read(start, end);
        }
      })(bytes);
      const dataset = await ParquetDataset.open(source, { where });
      return { read, rows: (await rowsOf(dataset)).map(({ v }) => v) };
    };
    const everywhere = await readFor({ or: [{ v: { lt: 3 } }, { v: { notIn: [1] }, text: { in: [null] } }] });
    const pruned = await readFor({ v: { lt: 3 }, text: { gte: 'text' } });
    expect(pruned.rows).toEqual([0, 1, 2]);
    expect(everywhere.rows).toEqual([0, 1, 2]);
    // Two columns of seven of eight row groups.
    expect(everywhere.read - pruned.read).toBeGreaterThan(10_000);
  });

  it('has no rows if nothing passes, and the columns all the same', async () => {
    const root = folderOf({ 'year=2024/a.csv': 'v\n1\n' });
    const { dataset, columns } = await openDataset(root, { where: { year: 1999 } });
    expect(dataset.length).toBe(0);
    expect(columns).toEqual([
      { name: 'v', type: 'number' },
      { name: 'year', type: 'int32' },
    ]);
  });

  it('compares times with dates and with text in ISO 8601', async () => {
    const data = [new Date('2024-01-01'), new Date('2024-06-01T12:00:00Z'), null];
    const bytes = new Uint8Array(
      parquetWriteBuffer({ columnData: [{ name: 'at', data, type: 'TIMESTAMP' }] }),
    );
    const count = async (where: Where) =>
      (await ParquetDataset.open(new MemorySource(bytes), { where })).length;
    expect(await count({ at: { gte: new Date('2024-03-01') } })).toBe(1);
    expect(await count({ at: { lt: '2024-06-01T12:00' } })).toBe(1);
    expect(await count({ at: { lte: '2024-06-01T14:00:00+02:00' } })).toBe(2);
    await expect(count({ at: { gte: 'June' } })).rejects.toThrow(
      /where\.at: compares by gte with text.*times/,
    );
  });

  it('reads fields of nested objects by path', async () => {
    const lines = '{"meta":{"lang":"de"}}\n{"meta":null}\n{"meta.lang":"de","meta":{"lang":"en"}}\n';
    const dataset = await JsonlDataset.open(new MemorySource(new TextEncoder().encode(lines)), {
      where: { 'meta.lang': 'de' },
    });
    expect((await rowsOf(dataset)).length).toBe(2);
    const nested = await ArrowDataset.open(fixture('formats/table.arrow'), { where: { id: { lt: 3 } } });
    expect((await rowsOf(nested)).map(({ id }) => Number(id))).toEqual([0, 1, 2]);
  });

  it.each(kinds)('of %s refuses unknown columns and values of another kind by name', async (kind) => {
    const rows = [{ v: 1, text: 'a' }];
    const root = folderOf({ [`year=1/a.${kind}`]: writers[kind](rows) });
    const open = (where: unknown) => openDataset(root, { ...options[kind], where: where as Where });
    const failures: [unknown, RegExp][] = [
      [{ vv: 1 }, /where: there is no \w+ vv; there are v, text.*Did you mean v\?/],
      [{ v: '1' }, /where\.v: compares by eq with text, and the column holds numbers/],
      [{ text: { lt: 3 } }, /where\.text: compares by lt with numbers, and the column holds text/],
      [{ year: { gt: 'x' } }, /where\.year: compares by gt with text, and the column holds numbers/],
      [{ v: { above: 1 } }, /where\.v: has the unknown comparison above; there are eq, ne/],
      [{ v: [1] }, /where\.v: is a list/],
      [{ v: { in: 1 } }, /where\.v\.in: must be a list/],
      [{ v: { gt: null } }, /where\.v\.gt: null has no order/],
      [{ v: { eq: Number.NaN } }, /where\.v\.eq: is NaN/],
      [{ v: { eq: {} } }, /where\.v\.eq: must be a number/],
      [[], /where: must be an object/],
    ];
    for (const [where, message] of failures) {
      await expect(open(where), JSON.stringify(where)).rejects.toThrow(ConfigError);
      await expect(open(where)).rejects.toThrow(message);
    }
    await expect(openDataset(root, { ...options[kind], columns: ['txt'] })).rejects.toThrow(
      /Did you mean text\?/,
    );
  });

  it('is refused for formats without columns', async () => {
    const root = folderOf({ 'a.txt': 'a\n' });
    await expect(openDataset(root, { where: { a: 1 } })).rejects.toThrow(/where: has no effect on text/);
    await expect(openDataset(root, { missing: [''] })).rejects.toThrow(/missing: has no effect on text/);
  });
});

describe('folders such as year=2024', () => {
  it.each(recorded.folders)(
    'are columns as pyarrow.dataset infers them: $folders',
    async ({ folders, columns, rows }) => {
      const files = folders.map((folder, k) => [
        `${folder}/part-${k}.parquet`,
        new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'v', data: [k], type: 'INT32' }] })),
      ]);
      const opened = await openDataset(folderOf(Object.fromEntries(files) as Record<string, Uint8Array>));
      expect(sorted(await rowsOf(opened.dataset))).toEqual(sorted(rows));
      expect(opened.columns?.slice(1).map(({ name, type }) => [name, type])).toEqual(columns.slice(1));
    },
  );

  it('are read below the folder or the fixed part of a pattern, and replace a stored column', async () => {
    const root = folderOf({
      'year=2024/a.jsonl': '{"year":1,"x":2}\n',
      'year=2023/b.jsonl': '{"year":1,"x":3}\n',
    });
    const rows = async (name: string) => rowsOf((await openDataset(name)).dataset);
    expect(await rows(root)).toEqual([
      { year: 2023, x: 3 },
      { year: 2024, x: 2 },
    ]);
    expect(await rows(`${root}/year=*/*.jsonl`)).toEqual([
      { year: 2023, x: 3 },
      { year: 2024, x: 2 },
    ]);
    expect(await rows(`${root}/year=2024`)).toEqual([{ year: 1, x: 2 }]);
    const twice = folderOf({ 'a=1/a=2/x.csv': 'v\n1\n' });
    await expect(openDataset(twice)).rejects.toThrow(/names the column a twice/);
  });
});
