// Writes small Delta and Iceberg tables, with the statistics that a test wants.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import avro from 'avsc';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

/** A column of a table: its field id is its place, from 1. */
export interface WrittenColumn {
  readonly name: string;
  readonly delta: string;
  readonly iceberg: string;
  readonly element: Omit<SchemaElement, 'name'>;
}

/** The rows of a data file, as the Parquet writer takes them. */
export type StoredRow = Readonly<Record<string, unknown>>;

const folders: string[] = [];

/** Removes what was written. */
export function removeTables(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

function newFolder(): string {
  const root = mkdtempSync(join(tmpdir(), 'written-'));
  folders.push(root);
  return root;
}

/** @returns the number of bytes */
export function writeParquet(
  path: string,
  columns: readonly (WrittenColumn & { readonly id?: number })[],
  rows: readonly StoredRow[],
): number {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, element, id }, k) => ({
      ...element,
      name,
      repetition_type: 'OPTIONAL' as const,
      field_id: id ?? k + 1,
    })),
  ];
  const columnData = columns.map(({ name }) => ({ name, data: rows.map((row) => row[name] ?? null) }));
  mkdirSync(dirname(path), { recursive: true });
  // Without statistics of its own: a test is of those of the table.
  const content = parquetWriteBuffer({ columnData, schema, statistics: false });
  writeFileSync(path, Buffer.from(content));
  return content.byteLength;
}

export interface DeltaDataFile {
  readonly rows: readonly StoredRow[];
  /** The text of `stats`. */
  readonly stats?: string | undefined;
  /** Further fields of the action that adds the file. */
  readonly add?: object;
}

/** A Delta table that is partitioned by `part`, which is the file's place. */
export function writeDelta(columns: readonly WrittenColumn[], files: readonly DeltaDataFile[]): string {
  const root = newFolder();
  const fields = [...columns, { name: 'part', delta: 'integer' }].map(({ name, delta }) => ({
    ...{ name, type: delta, nullable: true, metadata: {} },
  }));
  const schemaString = JSON.stringify({ type: 'struct', fields });
  const actions: object[] = [
    { protocol: { minReaderVersion: 3, readerFeatures: ['deletionVectors'], writerFeatures: [] } },
    { metaData: { schemaString, partitionColumns: ['part'] } },
    ...files.map(({ rows, stats, add }, k) => {
      const size = writeParquet(join(root, `${k}.parquet`), columns, rows);
      return { add: { path: `${k}.parquet`, partitionValues: { part: String(k) }, size, stats, ...add } };
    }),
  ];
  mkdirSync(join(root, '_delta_log'));
  const log = actions.map((action) => JSON.stringify(action)).join('\n');
  writeFileSync(join(root, '_delta_log', `${'0'.repeat(20)}.json`), log);
  return root;
}

/** Bytes of a value by field id. */
export type Bounds = readonly { readonly key: number; readonly value: Uint8Array }[];

export interface IcebergFile {
  readonly rows: readonly StoredRow[];
  /** The columns that the file stores. @defaultValue those of the table */
  readonly columns?: readonly (WrittenColumn & { readonly id: number })[];
  /** Results of the transforms, in the order of the fields of its partitioning. */
  readonly partition?: readonly unknown[];
  readonly spec?: number;
  readonly nullCounts?: readonly { readonly key: number; readonly value: number }[];
  readonly lowerBounds?: Bounds;
  readonly upperBounds?: Bounds;
  /** 2: deletes by the values of `equalityIds`. @defaultValue 0 */
  readonly content?: number;
  readonly equalityIds?: readonly number[];
}

export interface Summary {
  readonly contains_null: boolean;
  readonly lower_bound?: Buffer | null;
  readonly upper_bound?: Buffer | null;
}

/** The files that one manifest lists. Its number among all is the sequence number of what it adds. */
export interface IcebergManifest {
  readonly files: readonly IcebergFile[];
  readonly partitions?: readonly Summary[];
}

export interface IcebergTable {
  readonly columns: readonly WrittenColumn[];
  readonly manifests: readonly IcebergManifest[];
  /** How it is partitioned, by number; `avro`: the type of the result in a manifest. */
  readonly specs?: readonly (readonly {
    readonly source: number;
    readonly transform: string;
    readonly avro: unknown;
  }[])[];
  /** Changes the metadata. */
  readonly metadata?: object;
  /** How manifests are compressed. @defaultValue `null` */
  readonly codec?: string;
  readonly codecs?: Readonly<
    Record<string, (bytes: Buffer, done: (error: null, packed: Buffer) => void) => void>
  >;
}

const field = (name: string, type: unknown, id: number, optional = false) => ({
  ...{ name, type: optional ? ['null', type] : type, 'field-id': id },
  ...(optional && { default: null }),
});

const byId = (value: string, id: number) => ({
  ...{ type: 'array', logicalType: 'map' },
  items: { type: 'record', name: `m${id}`, fields: [field('key', 'int', id), field('value', value, id + 1)] },
});

/** Where the metadata says that the table is. */
const location = '/elsewhere/table';

/** An Iceberg table: data in `data/`, manifests `metadata/m0.avro` and so on. */
export async function writeIceberg(table: IcebergTable): Promise<string> {
  const { columns, manifests, specs = [[]], metadata, codec = 'null', codecs } = table;
  const root = newFolder();
  const writeAvro = async (name: string, schema: object, records: readonly object[], meta: object) => {
    const path = join(root, 'metadata', name);
    mkdirSync(dirname(path), { recursive: true });
    const encoder = new avro.streams.BlockEncoder(
      schema as never,
      {
        codec,
        codecs: { ...avro.streams.BlockEncoder.defaultCodecs(), ...codecs },
        metadata: Object.fromEntries(
          Object.entries(meta).map(([key, text]) => [key, Buffer.from(String(text))]),
        ),
      } as never,
    );
    const pieces: Buffer[] = [];
    encoder.on('data', (piece: Buffer) => pieces.push(piece));
    for (const record of records) encoder.write(record);
    encoder.end();
    await once(encoder, 'end');
    const content = Buffer.concat(pieces);
    writeFileSync(path, content);
    return content.length;
  };
  let number = 0;
  const listed: object[] = [];
  for (const [k, { files, partitions }] of manifests.entries()) {
    const spec = files[0]?.spec ?? 0;
    const isOfDeletes = (files[0]?.content ?? 0) > 0;
    const partitionFields = specs[spec]!.map((part, place) =>
      field(`p${place}`, part.avro, 1000 + place, true),
    );
    const records = files.map((file) => {
      const path = `data/${String(number++).padStart(4, '0')}.parquet`;
      const size = writeParquet(join(root, path), file.columns ?? columns, file.rows);
      const partition = Object.fromEntries(
        specs[spec]!.map((_, place) => [`p${place}`, file.partition?.[place] ?? null]),
      );
      return {
        ...{ status: 1, snapshot_id: null, sequence_number: null, file_sequence_number: null },
        data_file: {
          ...{
            content: file.content ?? 0,
            file_path: `${location}/${path}`,
            file_format: 'PARQUET',
            partition,
          },
          ...{ record_count: file.rows.length, file_size_in_bytes: size },
          null_value_counts: file.nullCounts ?? null,
          lower_bounds: file.lowerBounds ?? null,
          upper_bounds: file.upperBounds ?? null,
          equality_ids: file.equalityIds ?? null,
        },
      };
    });
    const dataFile = {
      ...{ type: 'record', name: 'r2' },
      fields: [
        field('content', 'int', 134),
        field('file_path', 'string', 100),
        field('file_format', 'string', 101),
        field('partition', { type: 'record', name: 'r102', fields: partitionFields }, 102),
        field('record_count', 'long', 103),
        field('file_size_in_bytes', 'long', 104),
        field('null_value_counts', byId('long', 121), 110, true),
        field('lower_bounds', byId('bytes', 126), 125, true),
        field('upper_bounds', byId('bytes', 129), 128, true),
        field('equality_ids', { type: 'array', items: 'int' }, 135, true),
      ],
    };
    const fields = [
      ...[
        field('status', 'int', 0),
        field('snapshot_id', 'long', 1, true),
        field('sequence_number', 'long', 3, true),
      ],
      ...[field('file_sequence_number', 'long', 4, true), field('data_file', dataFile, 2)],
    ];
    const size = await writeAvro(`m${k}.avro`, { type: 'record', name: 'manifest_entry', fields }, records, {
      'partition-spec-id': spec,
      content: isOfDeletes ? 'deletes' : 'data',
    });
    listed.push({
      ...{ manifest_path: `${location}/metadata/m${k}.avro`, manifest_length: size, partition_spec_id: spec },
      ...{ content: isOfDeletes ? 1 : 0, sequence_number: k + 1, partitions: partitions ?? null },
    });
  }
  const summary = {
    ...{ type: 'record', name: 'r508' },
    fields: [
      field('contains_null', 'boolean', 509),
      field('lower_bound', 'bytes', 510, true),
      field('upper_bound', 'bytes', 511, true),
    ],
  };
  const fields = [
    ...[
      field('manifest_path', 'string', 500),
      field('manifest_length', 'long', 501),
      field('partition_spec_id', 'int', 502),
    ],
    ...[field('content', 'int', 517), field('sequence_number', 'long', 515)],
    field('partitions', { type: 'array', items: summary }, 507, true),
  ];
  await writeAvro('snap.avro', { type: 'record', name: 'manifest_file', fields }, listed, {});
  const schema = {
    ...{ type: 'struct', 'schema-id': 0 },
    fields: columns.map(({ name, iceberg }, k) => ({ id: k + 1, name, required: false, type: iceberg })),
  };
  const content = {
    ...{ 'format-version': 2, location, 'current-schema-id': 0, schemas: [schema] },
    'partition-specs': specs.map((parts, id) => ({
      'spec-id': id,
      fields: parts.map(({ source, transform }, place) => ({
        ...{ 'source-id': source, 'field-id': 1000 + place, name: `p${place}`, transform },
      })),
    })),
    'current-snapshot-id': 1,
    snapshots: [{ 'snapshot-id': 1, 'manifest-list': `${location}/metadata/snap.avro` }],
    ...metadata,
  };
  writeFileSync(join(root, 'metadata/v1.metadata.json'), JSON.stringify(content));
  return root;
}

type Element = SchemaElement;
const leaf = (name: string, type: SchemaElement['type'], converted_type?: SchemaElement['converted_type']) =>
  ({ name, type, repetition_type: 'OPTIONAL', ...(converted_type && { converted_type }) }) as Element;
const group = (
  name: string,
  children: readonly (readonly Element[])[],
  more: Partial<Element> = {},
): Element[] => [
  { name, repetition_type: 'OPTIONAL', num_children: children.length, ...more } as Element,
  ...children.flat(),
];

/** Writes a Delta checkpoint of the actions of a commit. @param records - Statistics that replace the texts. */
export function writeCheckpoint(
  path: string,
  actions: readonly { readonly add?: Readonly<Record<string, unknown>>; readonly metaData?: object }[],
  records: readonly object[] | undefined,
): void {
  const text = (name: string) => [leaf(name, 'BYTE_ARRAY', 'UTF8')];
  const bounds = (name: string) =>
    group(name, [[leaf('id', 'INT64')], [leaf('at', 'INT64', 'TIMESTAMP_MICROS')]]);
  const statistics = group('stats_parsed', [
    [leaf('numRecords', 'INT64')],
    bounds('minValues'),
    bounds('maxValues'),
    group('nullCount', [[leaf('id', 'INT64')], [leaf('at', 'INT64')]]),
  ]);
  const list = { converted_type: 'LIST' } as const;
  const strings = group(
    'partitionColumns',
    [group('list', [text('element')], { repetition_type: 'REPEATED' })],
    list,
  );
  const map = group(
    'partitionValues',
    [
      group(
        'key_value',
        [[{ ...leaf('key', 'BYTE_ARRAY', 'UTF8'), repetition_type: 'REQUIRED' }], text('value')],
        { repetition_type: 'REPEATED' },
      ),
    ],
    { converted_type: 'MAP' },
  );
  const size = [leaf('size', 'INT64')];
  const schema: Element[] = [
    { name: 'root', num_children: 3 },
    ...group('protocol', [[leaf('minReaderVersion', 'INT32')]]),
    ...group('metaData', [text('schemaString'), strings]),
    ...group('add', [text('path'), map, size, records ? statistics : text('stats')]),
  ];
  let place = 0;
  const rows = actions.map(({ add, ...other }) => {
    if (!add) return 'metaData' in other ? other : { protocol: { minReaderVersion: 1 } };
    const { stats, size: bytes, ...rest } = add;
    const said = records ? { stats_parsed: records[place++] } : { stats };
    return { add: { ...rest, size: BigInt(bytes as number), ...said } };
  });
  const columnData = ['protocol', 'metaData', 'add'].map((name) => ({
    name,
    data: rows.map((row) => (row as Record<string, unknown>)[name] ?? null),
  }));
  writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData, schema })));
}

/** A deletion vector: its mark, and a 64-bit bitmap with one of 32 bits. */
export function vectorOfBitmap(bitmap: Uint8Array): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32LE(1_681_511_377, 0);
  head.writeBigInt64LE(1n, 4);
  return Buffer.concat([head, bitmap]);
}

/** A deletion vector of a few rows. */
export function vectorOf(rows: readonly number[]): Buffer {
  const bitmap = Buffer.alloc(16 + 2 * rows.length);
  bitmap.writeUInt32LE(12_346, 0);
  bitmap.writeUInt32LE(1, 4);
  bitmap.writeUInt16LE(rows.length - 1, 10);
  bitmap.writeUInt32LE(16, 12);
  for (const [k, row] of rows.entries()) bitmap.writeUInt16LE(row, 16 + 2 * k);
  return vectorOfBitmap(bitmap);
}

/** Text of bytes in Z85. */
export function z85(bytes: Buffer): string {
  const characters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Array.from({ length: padded.length / 4 }, (_, k) => {
    const value = padded.readUInt32BE(4 * k);
    return [4, 3, 2, 1, 0].map((power) => characters[Math.floor(value / 85 ** power) % 85]).join('');
  }).join('');
}
