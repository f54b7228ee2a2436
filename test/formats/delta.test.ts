import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { FormatError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const table = fileURLToPath(new URL('../fixtures/tables/delta', import.meta.url));
const context = {} as SampleContext;
const day = (text: string) => new Date(`${text}T00:00:00Z`);

async function rowsOf(dataset: Dataset<unknown>): Promise<unknown[]> {
  return Promise.all(Array.from({ length: dataset.length }, (_, index) => dataset.get(index, context)));
}

/** A copy of the table, whose log is changed. */
function changed(change: (log: string) => void): string {
  const root = mkdtempSync(join(tmpdir(), 'delta-'));
  cpSync(table, root, { recursive: true });
  change(join(root, '_delta_log'));
  return root;
}
const commit = (version: number) => `${String(version).padStart(20, '0')}.json`;

const first = { id: 1n, text: 'a', day: day('2024-01-01'), lang: 'en' };
const third = { id: 3n, text: 'c', day: day('2024-01-02'), lang: 'x y' };
const fourth = [
  { id: 4n, text: 'd', score: 0.5, day: day('2024-01-02'), lang: null },
  { id: 5n, text: null, score: null, day: day('2024-01-02'), lang: null },
];

describe('a Delta table', () => {
  it('has the rows of each version, with typed partitions and columns that were added later', async () => {
    const rows = async (version?: number) =>
      rowsOf((await openDataset(table, version === undefined ? {} : { version })).dataset);
    expect(await rows(0)).toEqual([first, { ...first, id: 2n, text: 'b' }, third]);
    const [one, , three] = [first, null, third].map((row) => row && { ...row, score: null });
    expect(await rows(1)).toEqual([one, { ...one, id: 2n, text: 'b' }, ...fourth, three]);
    expect(await rows(2)).toEqual([one, ...fourth, three]);
    const newest = [
      one,
      ...fourth,
      three,
      { id: 6n, text: 'f', score: 1.5, day: day('2024-01-03'), lang: 'de' },
    ];
    expect(await rows(3)).toEqual(newest);
    expect(await rows()).toEqual(newest);
    const { format, columns } = await openDataset(table);
    expect([format, columns!.map(({ name }) => name).sort()]).toEqual([
      'delta',
      ['day', 'id', 'lang', 'score', 'text'],
    ]);
  });

  it('selects rows and columns, and does not open files that partitions rule out', async () => {
    const partial = changed((log) => rmSync(join(log, '../day=2024-01-01'), { recursive: true }));
    const { dataset } = await openDataset(partial, {
      columns: ['lang', 'id'],
      where: { day: { gte: '2024-01-02' }, or: [{ score: { gt: 0 } }, { lang: 'x y' }] },
    });
    const expected = [
      { lang: null, id: 4n },
      { lang: 'x y', id: 3n },
      { lang: 'de', id: 6n },
    ];
    expect(await rowsOf(dataset)).toEqual(expected);
    await using loader = new DataLoader(dataset, {
      batchSize: 3,
      numWorkers: 1,
      collate: (samples) => samples as never,
    });
    for await (const batch of loader) expect(batch).toEqual(expected);
    expect((await openDataset(table, { where: { score: null } })).dataset.length).toBe(3);
    await expect(openDataset(table, { where: { scores: 1 } })).rejects.toThrow(
      /no column scores;.*Did you mean score/,
    );
  });

  it('has a fingerprint by version', async () => {
    const prints = await Promise.all(
      [0, 1, 2, 3].map(async (version) => (await openDataset(table, { version })).dataset.fingerprint!()),
    );
    expect(new Set(prints).size).toBe(4);
    expect((await openDataset(table)).dataset.fingerprint!()).toBe(prints[3]);
  });

  it('is read from its commits if checkpoints are gone, and from a checkpoint if commits are', async () => {
    const withoutCheckpoint = changed((log) =>
      rmSync(join(log, `${commit(2).slice(0, -5)}.checkpoint.parquet`)),
    );
    const withoutCommits = changed((log) => [0, 1].map((version) => rmSync(join(log, commit(version)))));
    const expected = await rowsOf((await openDataset(table)).dataset);
    for (const root of [withoutCheckpoint, withoutCommits])
      expect(await rowsOf((await openDataset(root)).dataset)).toEqual(expected);
    await expect(openDataset(withoutCommits, { version: 1 })).rejects.toThrow(
      /does not reach version 1 .*newest version 3/,
    );
    await expect(openDataset(table, { version: 4 })).rejects.toThrow(/does not reach version 4/);
    const gap = changed((log) => rmSync(join(log, commit(3))));
    expect((await openDataset(gap)).dataset.length).toBe(4);
  });

  it('refuses features that it does not read by name', async () => {
    const append = (line: object) => (log: string) =>
      writeFileSync(join(log, commit(4)), `${JSON.stringify(line)}\n`);
    const protocol = (readerFeatures: string[]) =>
      append({ protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures: [] } });
    const { metaData } = JSON.parse(
      readFileSync(join(table, '_delta_log', commit(0)), 'utf8').split('\n')[1]!,
    );
    const path = 'day=2024-01-03/lang=de/e.parquet';
    const add = {
      path,
      partitionValues: { day: '2024-01-03', lang: 'de' },
      deletionVector: { storageType: 'u' },
    };
    const failures: [(log: string) => void, RegExp][] = [
      [protocol(['typeWidening']), /uses the feature typeWidening, which Millrace does not read/],
      [
        append({ protocol: { minReaderVersion: 4, minWriterVersion: 7 } }),
        /version 4 of the reader protocol/,
      ],
      [
        append({ metaData: { ...metaData, configuration: { 'delta.columnMapping.mode': 'name' } } }),
        /column mapping \(mode name\)/,
      ],
      [append({ add }), /deletion vectors \(file day=2024-01-03\/lang=de\/e\.parquet\)/],
      [
        append({ add: { path, partitionValues: { day: 'June', lang: 'de' } } }),
        /partition column day .*June/,
      ],
      [
        (log) => writeFileSync(join(log, commit(4)), '{"add":'),
        /commit of the Delta table is damaged.*line 1/,
      ],
      [append({ metaData: { ...metaData, schemaString: '{' } }), /schema of the Delta table is damaged/],
    ];
    for (const [change, message] of failures) {
      const root = changed(change);
      await expect(openDataset(root), String(message)).rejects.toThrow(FormatError);
      await expect(openDataset(root)).rejects.toThrow(message);
    }
    // Features that are allowed and not used.
    const unused = changed(protocol(['deletionVectors', 'columnMapping', 'timestampNtz']));
    expect((await openDataset(unused)).dataset.length).toBe(5);
  });

  it('is never read as loose files by accident', async () => {
    const outer = mkdtempSync(join(tmpdir(), 'delta-outer-'));
    cpSync(table, join(outer, 'inner'), { recursive: true });
    await expect(openDataset(outer)).rejects.toThrow(
      /holds tables of Delta, such as that of inner\/_delta_log/,
    );
    for (const mark of ['metadata/v1.metadata.json', '_versions/1.manifest']) {
      const root = mkdtempSync(join(tmpdir(), 'other-'));
      cpSync(join(table, 'day=2024-01-03'), root, { recursive: true });
      cpSync(join(table, '_delta_log', commit(0)), join(root, mark), { recursive: true });
      await expect(openDataset(root), mark).rejects.toThrow(
        /is a table of (Iceberg|Lance), which Millrace does not read/,
      );
      expect((await openDataset(root, { format: 'parquet' })).dataset.length).toBe(1);
    }
  });
});
