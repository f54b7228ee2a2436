import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { ConfigError, FormatError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'options-'));
let files = 0;

/** Writes a file and returns its path. */
function file(ending: string, content: string | Uint8Array): string {
  const path = join(folder, `${files++}.${ending}`);
  writeFileSync(path, content);
  return path;
}

const context = {} as SampleContext;
async function rowsOf(dataset: Dataset<unknown>): Promise<unknown[]> {
  return Promise.all(Array.from({ length: dataset.length }, (_, index) => dataset.get(index, context)));
}

describe('CSV', () => {
  it('has missing values where a marker stands, in columns of any type', async () => {
    const path = file('csv', 'n,s,b\n1,x,true\n-,-,-\nNA,,false\n');
    const { dataset } = await openDataset(path, { missing: ['NA', '-'] });
    expect(await rowsOf(dataset)).toEqual([
      { n: 1, s: 'x', b: true },
      { n: Number.NaN, s: null, b: null },
      { n: Number.NaN, s: '', b: false },
    ]);
    const without = await openDataset(path);
    expect(await without.dataset.get(1, context)).toEqual({ n: '-', s: '-', b: '-' });
    expect(without.dataset.fingerprint!()).not.toBe(dataset.fingerprint!());
    const present = await openDataset(path, { missing: ['NA', '-'], where: { n: { ne: null } } });
    expect(present.dataset.length).toBe(1);
  });

  it('has decimal commas', async () => {
    const path = file('csv', 'x;y\n1,5;a\n-2;3,25\n,75;1e3\n');
    expect(await rowsOf((await openDataset(path, { decimal: ',' })).dataset)).toEqual([
      { x: 1.5, y: 'a' },
      { x: -2, y: '3,25' },
      { x: 0.75, y: '1e3' },
    ]);
    // Without a header, a comma would cut each row in three.
    const bare = file('csv', '1,5;2,5\n3,5;4,5\n');
    expect(await rowsOf((await openDataset(bare, { decimal: ',' })).dataset)).toEqual([
      { column0: 1.5, column1: 2.5 },
      { column0: 3.5, column1: 4.5 },
    ]);
    const points = file('csv', 'x;y\n1.5;1,5,5\n');
    expect(await rowsOf((await openDataset(points, { decimal: ',' })).dataset)).toEqual([
      { x: '1.5', y: '1,5,5' },
    ]);
    await expect(openDataset(path, { decimal: '·' as ',' })).rejects.toThrow(/decimal: must be '\.' or ','/);
  });

  it.each([
    ['utf-16le', [0xff, 0xfe]],
    ['utf-16be', [0xfe, 0xff]],
    ['utf-8', [0xef, 0xbb, 0xbf]],
  ])('is read in %s with a byte order mark, in workers too', async (encoding, mark) => {
    const text = 'word,n\nnaïve 😀,1\n"a\nb",2\n';
    const body = Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'utf16le');
    if (encoding === 'utf-16be') body.swap16();
    const path = file('csv', Buffer.concat([Buffer.from(mark), body]));
    const { dataset } = await openDataset(path);
    await using loader = new DataLoader(dataset, { batchSize: 2, numWorkers: 1 });
    const batches: unknown[] = [];
    for await (const batch of loader) batches.push((batch as { word: unknown }).word);
    expect(batches).toEqual([['naïve 😀', 'a\nb']]);
  });

  it('refuses damaged UTF-16 and more of it than the limit', async () => {
    const half = file('csv', Buffer.from([0xff, 0xfe, 0x41, 0x00, 0x42]));
    await expect(openDataset(half)).rejects.toThrow(FormatError);
    await expect(openDataset(half)).rejects.toThrow(/is not the UTF-16/);
    const long = file(
      'csv',
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('a,b\n1,2\n'.repeat(99), 'utf16le')]),
    );
    await expect(openDataset(long, { maxDecompressedBytes: 100 })).rejects.toThrow(/exceeds 100 bytes/);
  });

  it('has types that fit all rows on request', async () => {
    const path = file('csv', `x,y\n${'1,true\n'.repeat(1_000)}a,no\n`);
    const narrow = await openDataset(path);
    expect(narrow.columns).toEqual([
      { name: 'x', type: 'number' },
      { name: 'y', type: 'boolean' },
    ]);
    await expect(async () => narrow.dataset.get(1_000, context)).rejects.toThrow(
      /"a" in the column x, which holds a number/,
    );
    const { dataset, columns } = await openDataset(path, { inferRows: 'all' });
    expect(columns).toEqual([
      { name: 'x', type: 'string' },
      { name: 'y', type: 'string' },
    ]);
    expect(await dataset.get(1_000, context)).toEqual({ x: 'a', y: 'no' });
    const few = await openDataset(path, { inferRows: 1_001 });
    expect(few.columns).toEqual(columns);
    await expect(openDataset(path, { inferRows: 0 })).rejects.toThrow(/inferRows/);
  });
});

describe('JSON', () => {
  const items = [
    { id: 1, tags: ['a,]', '}"\\'] },
    { id: 2, tags: [] },
    { id: 2 ** 53 - 1, tags: ['é'] },
  ];

  it.each([
    ['an array', items, undefined],
    ['a field of an object', { note: '"data":[0]', other: { data: [9] }, data: items }, 'data'],
    ['a path', { data: { more: { items: [1] }, items: items, last: [] }, items: [0] }, 'data.items'],
    ['a name with a point', { 'data.items': items }, 'data.items'],
    ['an escaped name', { 'd\u00e9"x': items }, 'dé"x'],
  ])('has a sample for each element of %s, however it is laid out', async (_, value, field) => {
    const layouts = [
      JSON.stringify(value),
      JSON.stringify(value, null, 3),
      JSON.stringify(value, null, '\r\n'),
    ];
    for (const text of layouts) {
      const path = file('json', text);
      const { dataset, format } = await openDataset(path, field === undefined ? {} : { field });
      expect(format).toBe('json');
      expect(await rowsOf(dataset)).toEqual(items);
      const some = await openDataset(path, {
        ...(field && { field }),
        columns: ['id'],
        where: { id: { lte: 2 } },
      });
      expect(await rowsOf(some.dataset)).toEqual([{ id: 1 }, { id: 2 }]);
      await using loader = new DataLoader(some.dataset, { batchSize: 2, numWorkers: 1 });
      for await (const batch of loader) expect(batch).toMatchObject({ id: expect.anything() });
    }
  });

  it('reads lines and a single object too', async () => {
    expect(await rowsOf((await openDataset(file('json', '{"a":1}\n{"a":2}\n'))).dataset)).toEqual([
      { a: 1 },
      { a: 2 },
    ]);
    expect(await rowsOf((await openDataset(file('json', '{"a":[1,2]}'))).dataset)).toEqual([{ a: [1, 2] }]);
    expect((await openDataset(file('json', '[]'))).dataset.length).toBe(0);
  });

  it('says where the records are if they are not at the top, and what is wrong with a path', async () => {
    const path = file('json', '{"version":"1","data":[{"x":1}],"meta":{"n":3},"s":"[]"}');
    await expect(openDataset(path)).rejects.toThrow(ConfigError);
    await expect(openDataset(path)).rejects.toThrow(/field: is needed.*records: data.*\{ field: 'data' \}/);
    await expect(openDataset(path, { field: 'dat' })).rejects.toThrow(
      /no field dat .*there are version, data, meta, s/,
    );
    await expect(openDataset(path, { field: 'meta.x' })).rejects.toThrow(
      /no field x on the path meta\.x; there are n/,
    );
    for (const field of ['meta', 'meta.n', 's', 'version.x'])
      await expect(openDataset(path, { field }), field).rejects.toThrow(FormatError);
    await expect(openDataset(file('json', '[1]'), { field: 'data' })).rejects.toThrow(
      /is an array, not an object/,
    );
    for (const cut of ['{"data":[{"x":1}', '{"data":[1,2', '{"da', '{"data"', ''])
      await expect(openDataset(file('json', cut), { field: 'data' }), cut).rejects.toThrow(FormatError);
    const damaged = await openDataset(file('json', '[{"x":1}, {"x":}]'));
    await expect(async () => damaged.dataset.get(1, context)).rejects.toThrow(/Row 1 is not JSON/);
  });

  it('is left out beside data of another format', async () => {
    const root = mkdtempSync(join(tmpdir(), 'beside-'));
    writeFileSync(join(root, 'a.csv'), 'x\n1\n');
    writeFileSync(join(root, 'config.json'), '{}');
    const { format, leftOut } = await openDataset(root);
    expect([format, leftOut]).toEqual([
      'csv',
      [{ file: 'config.json', why: 'JSON beside data of another format' }],
    ]);
  });
});
