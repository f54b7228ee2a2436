import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Dataset, SampleContext } from 'millrace';
import { openDataset, type Where } from 'millrace/formats';
import { afterEach, describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from '../storage/object-server.js';
import {
  bytesOf,
  columns,
  countMissing,
  dayMs,
  deletion,
  deltaStats,
  extremes,
  manifestsOf,
  type Name,
  names,
  row,
  rows,
  spec,
  statsOfIceberg,
  style,
  where,
} from './random-tables.js';
import {
  type Bounds,
  type IcebergManifest,
  removeTables,
  type StoredRow,
  writeCheckpoint,
  writeDelta,
  writeIceberg,
} from './written-tables.js';

const context = {} as SampleContext;
afterEach(removeTables);

async function rowsOf(dataset: Dataset<unknown>): Promise<unknown[]> {
  return Promise.all(Array.from({ length: dataset.length }, (_, index) => dataset.get(index, context)));
}

async function chosen(root: string, where?: Where): Promise<unknown[]> {
  const { dataset } = await openDataset(root, where ? { where } : {});
  const rows = await rowsOf(dataset);
  await dataset.close?.();
  return rows;
}

const runs = { numRuns: searchSize({ short: 15, long: 1_000 }) };

describe('where on a table with statistics', () => {
  it('gives the rows of a Delta table without statistics, whatever the statistics are rounded to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(rows, { minLength: 1, maxLength: 4 }),
        fc.array(style, { minLength: 4, maxLength: 4 }),
        fc.array(where, { minLength: 8, maxLength: 8 }),
        async (files, styles, conditions) => {
          const bare = writeDelta(
            columns,
            files.map((file, k) => ({ rows: file, ...(styles[k]!.hasDeleted && deletion()) })),
          );
          const told = writeDelta(
            columns,
            files.map((file, k) => ({
              ...{ rows: file, stats: deltaStats(file, styles[k]!) },
              ...(styles[k]!.hasDeleted && deletion()),
            })),
          );
          for (const condition of conditions) {
            expect(await chosen(told, condition), JSON.stringify(condition, plain)).toEqual(
              await chosen(bare, condition),
            );
          }
          removeTables();
        },
      ),
      runs,
    );
  });

  it('gives the rows of an Iceberg table without statistics and partitions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 8 }),
        spec,
        fc.array(style, { minLength: 4, maxLength: 4 }),
        fc.array(where, { minLength: 8, maxLength: 8 }),
        async (all, parts, styles, conditions) => {
          const manifests = manifestsOf(all, parts, styles);
          fc.pre(manifests.length > 0);
          const bare = await writeIceberg({
            columns,
            manifests: [
              { files: manifests.flatMap(({ files }) => files.map((file) => ({ rows: file.rows }))) },
            ],
          });
          const specs = [
            parts.map(({ name, transform, avro }) => ({
              source: names.indexOf(name as Name) + 1,
              transform,
              avro,
            })),
          ];
          const told = await writeIceberg({ columns, manifests, specs });
          for (const condition of conditions)
            expect(await chosen(told, condition), JSON.stringify(condition, plain)).toEqual(
              await chosen(bare, condition),
            );
          removeTables();
        },
      ),
      runs,
    );
  });

  const day = (text: string) => new Date(`${text}T00:00:00Z`);
  const none = {
    id: null,
    n: null,
    word: null,
    x: null,
    f: null,
    day: null,
    at: null,
    ok: null,
    price: null,
  };
  const known = [
    [
      { ...none, id: 1n, word: 'apple', x: Number.NaN, day: day('2024-01-01'), f: 0.1 },
      { ...none, id: 2n, word: 'banana', x: 1, day: day('2024-01-01'), ok: false },
    ],
    [
      {
        ...none,
        id: 5n,
        word: 'kiwi and more',
        x: -2,
        n: 1,
        day: day('2024-01-02'),
        at: 1_700_000_000_000_000n,
      },
      { ...none, id: 6n, x: -2, day: day('2024-01-02'), ok: true, price: 0.57 },
    ],
    [{ ...none, id: 9n, word: 'zebra', x: 3, n: 7, day: day('2024-01-03'), price: 1.25, f: 0.2 }],
  ];
  const full = { kept: names, length: 4, mark: '', isUtf16: false, isNanSaid: false, hasDeleted: false };
  /** Conditions, and the files that may hold their rows. */
  const cases: readonly (readonly [Where, readonly number[]])[] = [
    [{ id: 5 }, [1]],
    [{ id: { gt: 6 } }, [2]],
    [{ id: { gte: 6 } }, [1, 2]],
    [{ id: { lt: 2 } }, [0]],
    [{ id: { in: [1, 9] } }, [0, 2]],
    [{ n: null }, [0, 1]],
    [{ n: { ne: null } }, [1, 2]],
    [{ n: { notIn: [7] } }, [1, 2]],
    [{ word: { lt: 'b' } }, [0]],
    [{ word: 'kiwi and less' }, [1]],
    [{ word: { gt: 'kiwi and n' } }, [1, 2]],
    [{ x: { lt: 0 } }, [1]],
    [{ x: { ne: 3 } }, [0, 1, 2]],
    [{ day: '2024-01-02' }, [1]],
    [{ day: { gt: '2024-01-02' } }, [2]],
    [{ at: { gte: new Date(1_700_000_000_000) } }, [1]],
    [{ price: { lt: 0.6 } }, [1]],
    [{ ok: true }, [1]],
    [{ f: 0.1 }, [0]],
    [{ or: [{ id: 1 }, { word: 'zebra' }] }, [0, 2]],
    [{ or: [{ id: 1 }, { and: [{ id: 9 }, { n: 8 }] }] }, [0]],
    // An empty dataset has the columns of a file.
    [{ id: 7 }, [0]],
  ];

  it('does not open files of a Delta table that statistics rule out', async () => {
    const files = known.map((rows) => ({ rows, stats: deltaStats(rows, full) }));
    const whole = writeDelta(columns, files);
    for (const [condition, opened] of cases) {
      const root = writeDelta(columns, files);
      const without = (places: readonly number[]) => {
        for (const place of places) rmSync(join(root, `${place}.parquet`));
      };
      without([0, 1, 2].filter((place) => !opened.includes(place)));
      const label = JSON.stringify(condition, plain);
      expect(await chosen(root, condition), label).toEqual(await chosen(whole, condition));
      without(opened.slice(-1));
      await expect(chosen(root, condition), label).rejects.toThrow(/no such file|does not exist|not found/i);
    }
    // What is not said, is damaged, or has another type, rules out nothing.
    for (const stats of [
      undefined,
      '',
      '{',
      '[]',
      '7',
      '{"minValues":3,"maxValues":{"id":"a"}}',
      '{"maxValues":null}',
    ])
      expect(
        await chosen(
          writeDelta(
            columns,
            known.map((rows) => ({ rows, stats })),
          ),
          { id: 9 },
        ),
      ).toHaveLength(1);
  });

  it.each([
    // Text that is ordered by UTF-16, is cut, and is cut within a character.
    [{ word: '😀' }, '{"minValues":{"word":"😀"},"maxValues":{"word":"\uffff"}}'],
    [{ word: '\ue000' }, '{"minValues":{"word":"😀"},"maxValues":{"word":"\uffff"}}'],
    [{ word: 'abcd' }, '{"maxValues":{"word":"abc"}}'],
    [{ word: 'ab😀' }, '{"maxValues":{"word":"ab?"}}'],
    [{ word: 'ab😀' }, '{"maxValues":{"word":"ab\ufffd"}}'],
    // Milliseconds are cut to the lesser one; rows have the one nearer to 1970.
    [{ at: -1n }, '{"maxValues":{"at":"1969-12-31T23:59:59.999Z"}}', { at: { gte: new Date(0) } }],
    // A time without its zone, and one that may mean another calendar.
    [
      { at: 3_600_000_000n },
      '{"maxValues":{"at":"1970-01-01T00:00:00"}}',
      { at: { gte: '1970-01-01T01:00:00Z' } },
    ],
    [{ day: new Date('1582-01-11') }, '{"maxValues":{"day":"1582-01-01"}}'],
    // A short text of a number with 32 bits, and a number with 64.
    [{ f: Math.fround(0.1) }, '{"minValues":{"f":0.1},"maxValues":{"f":0.1}}'],
    [{ id: 2n ** 53n + 1n }, '{"minValues":{"id":9007199254740993},"maxValues":{"id":9007199254740993}}'],
    [{ x: Number.NaN }, '{"minValues":{"x":1},"maxValues":{"x":1},"nullCount":{"x":0}}', { x: { ne: 1 } }],
  ] as [StoredRow, string, Where?][])(
    'finds the row %o, of which a Delta table says %s',
    async (found, stats, condition) => {
      const where =
        condition ?? Object.fromEntries(Object.entries(found).map(([name, value]) => [name, { eq: value }]));
      const other = { rows: [{ id: 0n }], stats: '{"numRecords":1}' };
      const root = writeDelta(columns, [other, { rows: [{ ...none, ...found }], stats }]);
      expect(await chosen(root, where as Where)).toHaveLength(1);
    },
  );

  it('reads statistics of a Delta checkpoint as text and as records', async () => {
    const files = known.map((rows) => ({ rows, stats: deltaStats(rows, full) }));
    const whole = writeDelta(columns, files);
    const log = (name: string) => join(whole, '_delta_log', `${'0'.repeat(20)}.${name}`);
    const actions = readFileSync(log('json'), 'utf8')
      .split('\n')
      .map((line) => JSON.parse(line));
    rmSync(log('json'));
    for (const isText of [true, false]) {
      const records = known.map((rows) => {
        const parts = (place: 0 | 1) => ({
          id: extremes('id', rows, false)[place],
          at: extremes('at', rows, false)[place] ?? null,
        });
        const nullCount = { id: 0n, at: BigInt(countMissing('at', rows)) };
        return { numRecords: BigInt(rows.length), minValues: parts(0), maxValues: parts(1), nullCount };
      });
      writeCheckpoint(log('checkpoint.parquet'), actions, isText ? undefined : records);
      expect(await chosen(whole, { id: { lte: 6 } })).toHaveLength(4);
      rmSync(join(whole, '2.parquet'), { force: true });
      expect(await chosen(whole, { id: { lte: 6 } })).toHaveLength(4);
      expect(await chosen(whole, { at: { gte: '2020-01-01' } })).toHaveLength(1);
    }
  });

  it('asks for no manifest and no file of an Iceberg table that partitions or statistics rule out', async () => {
    const server = await new ObjectServer().start();
    try {
      const days = known.map((rows) => Math.floor((rows[0]!.day as Date).getTime() / dayMs));
      const specs = [[{ source: 6, transform: 'day', avro: { type: 'int', logicalType: 'date' } }]];
      const manifests = known.map((rows, k): IcebergManifest => {
        const result = bytesOf('result', days[k]);
        return {
          files: [{ rows, partition: [days[k]], ...statsOfIceberg(rows, full) }],
          partitions: [{ contains_null: false, lower_bound: result, upper_bound: result }],
        };
      });
      const root = await writeIceberg({ columns, manifests, specs });
      for (const name of readdirSync(root, { recursive: true }) as string[])
        if (/\.\w+$/.test(name)) server.put(`/${name}`, readFileSync(join(root, name)));
      for (const [condition, opened] of cases) {
        server.requests.length = 0;
        const rows = await chosen(`${server.origin}/metadata/v1.metadata.json`, condition);
        const label = JSON.stringify(condition, plain);
        const asked = (kind: string) =>
          [
            ...new Set(
              server.requests.flatMap(({ url }) => new RegExp(`${kind}(\\d+)\\.`).exec(url)?.[1] ?? []),
            ),
          ]
            .map(Number)
            .sort();
        expect(asked('/data/'), label).toEqual(opened);
        expect(asked('/metadata/m'), label).toEqual('day' in condition ? opened : [0, 1, 2]);
        expect(rows, label).toEqual(await chosen(root, condition));
      }
      expect(await chosen(root, { day: '2025-01-01' })).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  it('heeds that rows round times before 1970 up, out of their partition', async () => {
    const files = [
      { rows: [{ at: -1n }], partition: [-1] },
      { rows: [{ at: 86_400_000_000n }], partition: [1] },
    ];
    const bytes = (day: number) => bytesOf('result', day);
    const partitions = [{ contains_null: false, lower_bound: bytes(-1), upper_bound: bytes(-1) }];
    const specs = [[{ source: 7, transform: 'day', avro: 'int' }]];
    const manifests = [{ files: files.slice(0, 1), partitions }, { files: files.slice(1) }];
    const root = await writeIceberg({ columns, manifests, specs });
    expect(await chosen(root, { at: { gte: '1970-01-01', lt: '1970-01-02' } })).toHaveLength(1);
  });

  it('finds promoted and renamed columns of an Iceberg table by their ids, and leaves added ones', async () => {
    const old = [
      { ...columns[1]!, name: 'count', id: 1 },
      { ...columns[4]!, name: 'id', id: 4 },
    ];
    const four = (write: (bytes: Buffer) => void) => {
      const bytes = Buffer.alloc(4);
      write(bytes);
      return bytes;
    };
    const bounds = (id: number, x: number): Bounds => [
      { key: 1, value: four((bytes) => bytes.writeInt32LE(id)) },
      { key: 4, value: four((bytes) => bytes.writeFloatLE(x)) },
    ];
    const stored = {
      rows: [
        { count: -3, id: 0.5 },
        { count: 4, id: 1.5 },
      ],
      columns: old,
    };
    const files = [{ ...stored, lowerBounds: bounds(-3, 0.5), upperBounds: bounds(4, 1.5) }];
    const root = await writeIceberg({ columns, manifests: [{ files }] });
    const ids = async (condition: Where) =>
      (await chosen(root, condition)).map((each) => (each as StoredRow).id);
    expect(await ids({ id: { lt: 0 } })).toEqual([-3n]);
    expect(await ids({ x: { gt: 1 }, word: null })).toEqual([4n]);
    rmSync(join(root, 'data/0000.parquet'));
    await expect(chosen(root, { id: 4 })).rejects.toThrow();
  });
});

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
