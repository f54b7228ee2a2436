import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { FormatError } from 'millrace/errors';
import { openDataset, type Where } from 'millrace/formats';
import { describe, expect, it } from 'vitest';
import { vectorOf, vectorOfBitmap, z85 } from './written-tables.js';

const table = fileURLToPath(new URL('../fixtures/tables/delta', import.meta.url));
const context = {} as SampleContext;
const day = (text: string) => new Date(`${text}T00:00:00Z`);

interface Vector {
  readonly name: string;
  /** From, to (exclusive) and step. */
  readonly ranges: readonly (readonly number[])[];
  readonly bytes: string;
}
const vectors = JSON.parse(
  readFileSync(fileURLToPath(new URL('../fixtures/tables/vectors.json', import.meta.url)), 'utf8'),
) as Vector[];

/** A vector as a file holds it: size, vector, checksum. */
function stored(vector: Buffer): Buffer {
  const [size, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeInt32BE(vector.length);
  checksum.writeUInt32BE(crc32(vector));
  return Buffer.concat([size, vector, checksum]);
}

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
        /schema of the Delta table is damaged: the column id has no delta.columnMapping.physicalName/,
      ],
      [append({ add }), /deletion vector .* damaged: the log does not say where it is/],
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

  it('leaves out deleted rows, with vectors in the log and in files', async () => {
    const path = 'day=2024-01-02/lang=__HIVE_DEFAULT_PARTITION__/c.parquet';
    const partitionValues = { day: '2024-01-02', lang: null };
    const protocol = {
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['deletionVectors'],
        writerFeatures: [],
      },
    };
    const withVector = (deletionVector: object, files: Record<string, Uint8Array> = {}) =>
      changed((log) => {
        for (const [name, bytes] of Object.entries(files)) writeFileSync(join(log, '..', name), bytes);
        // The new state of a file may come before the old one is removed.
        const actions = [protocol, { add: { path, partitionValues, deletionVector } }, { remove: { path } }];
        writeFileSync(join(log, commit(4)), actions.map((action) => JSON.stringify(action)).join('\n'));
      });
    const vector = vectorOf([0]);
    const inline = {
      storageType: 'i',
      pathOrInlineDv: z85(vector),
      sizeInBytes: vector.length,
      cardinality: 1,
    };
    // A file holds several vectors; the log names it by a UUID.
    const uuid = '00112233-4455-6677-8899-aabbccddeeff';
    const file = Buffer.concat([Buffer.from([1]), stored(vectorOf([1])), stored(vector)]);
    const offset = 1 + stored(vectorOf([1])).length;
    const named = {
      ...{ ...inline, storageType: 'u', offset },
      pathOrInlineDv: z85(Buffer.from(uuid.replaceAll('-', ''), 'hex')),
    };
    const tables = [withVector(inline), withVector(named, { [`deletion_vector_${uuid}.bin`]: file })];
    const all = await rowsOf((await openDataset(table)).dataset);
    for (const root of tables) {
      const { dataset } = await openDataset(root);
      expect(await rowsOf(dataset)).toEqual(all.filter((row) => (row as { id: bigint }).id !== 4n));
      const chosen = await openDataset(root, { where: { id: { gte: 4 } }, columns: ['id'] });
      expect(await rowsOf(chosen.dataset)).toEqual([{ id: 5n }, { id: 6n }]);
      await using loader = new DataLoader(dataset, {
        batchSize: 5,
        numWorkers: 1,
        collate: (rows) => rows as never,
      });
      for await (const batch of loader) expect(batch).toEqual(await rowsOf(dataset));
    }
    const prints = await Promise.all(
      [...tables, table].map(async (root) => (await openDataset(root)).dataset.fingerprint!()),
    );
    expect(new Set(prints).size).toBe(3);
    const damage: [object, RegExp, Record<string, Uint8Array>?][] = [
      [{ ...inline, cardinality: 2 }, /deletes 1 rows, and the log says 2/],
      [{ ...inline, pathOrInlineDv: z85(vectorOf([2])) }, /has the number 2, which is not below 2/],
      [{ ...inline, pathOrInlineDv: `"${inline.pathOrInlineDv.slice(1)}` }, /not Z85/],
      [{ ...inline, sizeInBytes: 1_000 }, /cut short/],
      [
        named,
        /checksum/,
        { [`deletion_vector_${uuid}.bin`]: Buffer.concat([file.subarray(0, -1), Buffer.from([7])]) },
      ],
      [
        { ...named, offset: 1, sizeInBytes: 8 },
        /size is not what the log says/,
        { [`deletion_vector_${uuid}.bin`]: file },
      ],
    ];
    for (const [entry, message, files] of damage) {
      const root = withVector(entry, files);
      await expect(openDataset(root)).rejects.toThrow(FormatError);
      await expect(openDataset(root)).rejects.toThrow(message);
    }
  });

  it.each(vectors)('reads Roaring bitmaps as their library writes them: $name', async ({ ranges, bytes }) => {
    const deleted = new Set<number>();
    for (const [from, to, step] of ranges) for (let row = from!; row < to!; row += step!) deleted.add(row);
    const count = 330_001;
    const root = mkdtempSync(join(tmpdir(), 'delta-vector-'));
    const data = Int32Array.from({ length: count }, (_, row) => row);
    const columnData = [{ name: 'id', data, type: 'INT32' as const }];
    writeFileSync(join(root, 'a.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    const vector = vectorOfBitmap(Buffer.from(bytes, 'base64'));
    const fields = [{ name: 'id', type: 'integer', nullable: true, metadata: {} }];
    const actions = [
      {
        protocol: {
          minReaderVersion: 3,
          minWriterVersion: 7,
          readerFeatures: ['deletionVectors'],
          writerFeatures: [],
        },
      },
      { metaData: { schemaString: JSON.stringify({ type: 'struct', fields }), partitionColumns: [] } },
      {
        add: {
          path: 'a.parquet',
          partitionValues: {},
          deletionVector: {
            storageType: 'p',
            pathOrInlineDv: join(root, 'v.bin'),
            offset: 1,
            sizeInBytes: vector.length,
            cardinality: deleted.size,
          },
        },
      },
    ];
    writeFileSync(join(root, 'v.bin'), Buffer.concat([Buffer.from([1]), stored(vector)]));
    mkdirSync(join(root, '_delta_log'));
    writeFileSync(
      join(root, '_delta_log', commit(0)),
      actions.map((action) => JSON.stringify(action)).join('\n'),
    );
    const { dataset } = await openDataset<{ id: number }>(root);
    expect(dataset.length).toBe(count - deleted.size);
    const left = Array.from(data).filter((row) => !deleted.has(row));
    for (const index of [0, 1, 99, 5_000, 70_000, dataset.length - 1].filter((at) => at < left.length))
      expect(await dataset.get(index, context)).toEqual({ id: left[index] });
  });

  it('is read from a checkpoint of version 2, whose actions are in further files', async () => {
    const root = changed((log) => {
      const { metaData } = JSON.parse(readFileSync(join(log, commit(1)), 'utf8').split('\n')[0]!);
      mkdirSync(join(log, '_sidecars'));
      renameSync(
        join(log, `${commit(2).slice(0, -5)}.checkpoint.parquet`),
        join(log, '_sidecars', 'actions.parquet'),
      );
      const protocol = {
        protocol: {
          minReaderVersion: 3,
          minWriterVersion: 7,
          readerFeatures: ['v2Checkpoint'],
          writerFeatures: [],
        },
      };
      const sidecar = { sidecar: { path: 'actions.parquet', sizeInBytes: 1, modificationTime: 0 } };
      const actions = [{ checkpointMetadata: { version: 2 } }, sidecar, protocol, { metaData }];
      const name = `${commit(2).slice(0, -5)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json`;
      writeFileSync(join(log, name), actions.map((action) => JSON.stringify(action)).join('\n'));
      for (const version of [0, 1, 2]) rmSync(join(log, commit(version)));
    });
    expect(await rowsOf((await openDataset(root)).dataset)).toEqual(
      await rowsOf((await openDataset(table)).dataset),
    );
  });

  it.each(['name', 'id'])('finds renamed columns by column mapping: mode %s', async (mode) => {
    const root = mkdtempSync(join(tmpdir(), 'delta-mapped-'));
    const physical = (name: string, id: number, repetition_type: 'OPTIONAL' | 'REQUIRED' = 'OPTIONAL') => ({
      // In the mode id, only the ids count.
      name: mode === 'name' ? name : `stored${id}`,
      repetition_type,
      field_id: id,
    });
    const write = (file: string, columns: [name: string, id: number, data: (bigint | string | null)[]][]) => {
      const schema = [
        { name: 'root', num_children: columns.length },
        ...columns.map(([name, id, data]) => ({
          ...physical(name, id),
          ...(typeof data[0] === 'bigint'
            ? { type: 'INT64' as const }
            : { type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const }),
        })),
      ];
      const columnData = columns.map(([name, id, data]) => ({ name: physical(name, id).name, data }));
      writeFileSync(join(root, file), Buffer.from(parquetWriteBuffer({ columnData, schema })));
    };
    const field = (name: string, physicalName: string, id: number, type: unknown) => ({
      ...{ name, type, nullable: true },
      metadata: { 'delta.columnMapping.physicalName': physicalName, 'delta.columnMapping.id': id },
    });
    // `text` was renamed to `body`, and a new column took its name; `gone` was dropped.
    write('a.parquet', [
      ['col-1', 1, [1n, 2n]],
      ['col-2', 2, ['a', null]],
      ['text', 4, ['dropped', 'dropped']],
    ]);
    write('b.parquet', [
      ['col-5', 5, ['new']],
      ['col-1', 1, [3n]],
      ['col-2', 2, ['c']],
    ]);
    const fields = [
      field('body', 'col-2', 2, 'string'),
      field('id', 'col-1', 1, 'long'),
      field('lang', 'col-3', 3, 'string'),
      field('text', 'col-5', 5, 'string'),
    ];
    const add = (path: string, lang: string) => ({ add: { path, partitionValues: { 'col-3': lang } } });
    const configuration = { 'delta.columnMapping.mode': mode };
    const metaData = { schemaString: JSON.stringify({ type: 'struct', fields }), partitionColumns: ['lang'] };
    const actions = [
      { protocol: { minReaderVersion: 2, minWriterVersion: 5 } },
      { metaData: { ...metaData, configuration } },
      add('a.parquet', 'en'),
      add('b.parquet', 'de'),
    ];
    mkdirSync(join(root, '_delta_log'));
    writeFileSync(
      join(root, '_delta_log', commit(0)),
      actions.map((action) => JSON.stringify(action)).join('\n'),
    );
    const rows = [
      { body: 'a', id: 1n, lang: 'en', text: null },
      { body: null, id: 2n, lang: 'en', text: null },
      { body: 'c', id: 3n, lang: 'de', text: 'new' },
    ];
    expect(await rowsOf((await openDataset(root)).dataset)).toEqual(rows);
    const chosen = async (where: Where) => rowsOf((await openDataset(root, { where })).dataset);
    expect(await chosen({ id: { gte: 2 }, body: { ne: null } })).toEqual(rows.slice(2));
    expect(await chosen({ text: null, lang: 'en', body: 'a' })).toEqual(rows.slice(0, 1));
  });

  it('opens a file whose rows the log counts when its first row is read', async () => {
    const counted = changed((log) => {
      const counts = { a: 2, b: 1, c: 2, d: 1, e: 1 };
      for (const version of [0, 1, 2, 3]) {
        const lines = readFileSync(join(log, commit(version)), 'utf8')
          .trim()
          .split('\n');
        const actions = lines.map((line) => JSON.parse(line));
        for (const { add } of actions)
          if (add)
            add.stats = JSON.stringify({ numRecords: counts[/(\w)\.parquet/.exec(add.path)![1] as 'a'] });
        writeFileSync(join(log, commit(version)), actions.map((action) => JSON.stringify(action)).join('\n'));
      }
      rmSync(join(log, `${commit(2).slice(0, -5)}.checkpoint.parquet`));
    });
    const expected = await rowsOf((await openDataset(table)).dataset);
    const { dataset } = await openDataset(counted);
    expect(dataset.shardLengths).toEqual([1, 2, 1, 1]);
    const print = dataset.fingerprint!();
    await using loader = new DataLoader(dataset, {
      batchSize: 2,
      numWorkers: 1,
      collate: (rows) => rows as never,
    });
    const batches: unknown[] = [];
    for await (const batch of loader) batches.push(...(batch as unknown[]));
    expect(batches).toEqual(expected);
    expect(await rowsOf(dataset)).toEqual(expected);
    expect([dataset.fingerprint!(), dataset.shardLengths]).toEqual([print, [1, 2, 1, 1]]);
    // A file that is not what the log says is noticed when it is read.
    cpSync(
      join(counted, 'day=2024-01-01/lang=en/a.parquet'),
      join(counted, 'day=2024-01-03/lang=de/e.parquet'),
    );
    const { dataset: wrong } = await openDataset(counted);
    expect(wrong.length).toBe(5);
    expect(await wrong.get(3, context)).toEqual(expected[3]);
    await expect(async () => wrong.get(4, context)).rejects.toThrow(
      /has 2 rows, and the log of its table says 1/,
    );
  });

  it('is never read as loose files by accident', async () => {
    const outer = mkdtempSync(join(tmpdir(), 'delta-outer-'));
    cpSync(table, join(outer, 'inner'), { recursive: true });
    await expect(openDataset(outer)).rejects.toThrow(
      /holds tables of Delta, such as that of inner\/_delta_log/,
    );
    const root = mkdtempSync(join(tmpdir(), 'other-'));
    cpSync(join(table, 'day=2024-01-03'), root, { recursive: true });
    cpSync(join(table, '_delta_log', commit(0)), join(root, '_versions/1.manifest'), { recursive: true });
    await expect(openDataset(root)).rejects.toThrow(/Lance table whose name does not end in \.lance/);
    cpSync(root, `${root}.lance`, { recursive: true });
    await expect(openDataset(`${root}.lance`)).rejects.toThrow(/npm install @lancedb\/lancedb/);
    expect((await openDataset(root, { format: 'parquet' })).dataset.length).toBe(1);
  });
});
