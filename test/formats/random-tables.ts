// Random rows, conditions, and the statistics that writers make of rows.
import fc from 'fast-check';
import type { Where } from 'millrace/formats';
import {
  type Bounds,
  type IcebergFile,
  type IcebergManifest,
  type StoredRow,
  type Summary,
  vectorOf,
  type WrittenColumn,
  z85,
} from './written-tables.js';

export const dayMs = 86_400_000;
const column = (name: string, delta: string, iceberg: string, element: object): WrittenColumn =>
  ({ name, delta, iceberg, element }) as WrittenColumn;
export const columns = [
  column('id', 'long', 'long', { type: 'INT64' }),
  column('n', 'integer', 'int', { type: 'INT32' }),
  column('word', 'string', 'string', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }),
  column('x', 'double', 'double', { type: 'DOUBLE' }),
  column('f', 'float', 'float', { type: 'FLOAT' }),
  column('day', 'date', 'date', { type: 'INT32', converted_type: 'DATE' }),
  column('at', 'timestamp', 'timestamptz', { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }),
  column('ok', 'boolean', 'boolean', { type: 'BOOLEAN' }),
  column('price', 'decimal(9,2)', 'decimal(9,2)', {
    ...{ type: 'INT32', converted_type: 'DECIMAL', precision: 9, scale: 2 },
  }),
];

const long = 2n ** 53n;
const micros = [
  -1,
  1,
  -1_000,
  -1_001,
  999,
  86_400e6,
  86_400e6 - 1,
  -86_400e6,
  1.7e15 + 123_456,
  1.7e15 + 123_999,
];
/** Values of each column, with those that statistics are easily wrong for. */
const values: Readonly<Record<string, readonly unknown[]>> = {
  id: [-3n, 0n, 1n, 2n, long, long + 1n, long + 3n],
  n: [-5, -1, 0, 1, 2, 3, 4],
  word: ['', 'a', 'ab', 'abc', 'abd', 'b', 'bé', 'é', 'a\ue000', 'a😀', '😀', '\uffff', 'a?', 'a\u007f'],
  x: [Number.NaN, -Infinity, -1.5, -0, 0, 0.1, 1e300],
  f: [-0.1, 0.1, 0.2, 1.5, Number.NaN],
  day: [-40_000, -400, -1, 0, 1, 31, 20_000].map((days) => new Date(days * dayMs)),
  at: micros.map(BigInt),
  ok: [false, true],
  price: [-0.1, 0.01, 0.02, 0.57, 1.25, 123_456.78],
};
export type Name = 'id' | 'n' | 'word' | 'x' | 'f' | 'day' | 'at' | 'ok' | 'price';
export const names = Object.keys(values) as Name[];
/** What a condition compares a column with. */
function targetOf(name: Name): fc.Arbitrary<unknown> {
  const some = fc.constantFrom(...values[name]!);
  if (name === 'x' || name === 'f')
    return some
      .filter((value) => !Number.isNaN(value))
      .chain((value) => fc.constantFrom(value, Math.fround(value as number)));
  if (name === 'at') return some.map((value) => new Date(Math.floor(Number(value) / 1_000)));
  if (name === 'day') return some.chain((value) => fc.constantFrom(value, (value as Date).toISOString()));
  return some;
}

const test = fc.constantFrom(...names).chain((name) => {
  const target = targetOf(name);
  const nullable = fc.option(target, { nil: null });
  const order = name === 'ok' ? fc.constant('eq') : fc.constantFrom('gt', 'gte', 'lt', 'lte');
  return fc
    .oneof(
      nullable,
      fc.record({ ne: nullable }),
      fc.tuple(order, target).map(([operator, operand]) => ({ [operator]: operand })),
      fc.tuple(order, target).map(([operator, operand]) => ({ [operator]: operand })),
      fc.array(nullable, { maxLength: 3 }).map((list) => ({ in: list })),
      fc.array(nullable, { maxLength: 2 }).map((list) => ({ notIn: list })),
    )
    .map((condition) => ({ [name]: condition }) as Where);
});
export const where = fc.oneof(
  test,
  fc.array(test, { minLength: 1, maxLength: 3 }).map((or): Where => ({ or })),
  fc.tuple(test, test).map(([one, two]): Where => ({ and: [one, two] })),
);
export const row = fc.record(
  Object.fromEntries(
    names.map((name) => [name, fc.option(fc.constantFrom(...values[name]!), { nil: null })]),
  ),
) as fc.Arbitrary<StoredRow>;
export const rows = fc.array(row, { minLength: 1, maxLength: 3 });

const byUtf16 = (a: unknown, b: unknown) =>
  (a as number) < (b as number) ? -1 : Number((a as number) > (b as number));
const byUtf8 = (a: unknown, b: unknown) => Buffer.compare(Buffer.from(a as string), Buffer.from(b as string));

/** Least and greatest value of a column, besides missing ones and NaN. */
export function extremes(name: string, file: readonly StoredRow[], isUtf16: boolean): unknown[] {
  const there = file.map((each) => each[name]).filter((value) => value !== null && !Number.isNaN(value));
  const sorted = there.sort(name === 'word' && !isUtf16 ? byUtf8 : byUtf16);
  return sorted.length === 0 ? [] : [sorted[0], sorted.at(-1)];
}

export const countMissing = (name: string, file: readonly StoredRow[]) =>
  file.filter((each) => each[name] === null).length;
const cut = (text: string, length: number) => [...text].slice(0, length).join('');

/** How a writer makes statistics. */
export interface Style {
  /** The columns that have some. */
  readonly kept: readonly Name[];
  /** The length that texts are cut to, and what is added then. */
  readonly length: number;
  readonly mark: string;
  readonly isUtf16: boolean;
  readonly isNanSaid: boolean;
  /** Whether the first row is deleted. */
  readonly hasDeleted: boolean;
}

export const style: fc.Arbitrary<Style> = fc.record({
  kept: fc.subarray(names),
  length: fc.constantFrom(1, 2, 32),
  mark: fc.constantFrom('', '\u007f', '\ufffd', '\u{10ffff}'),
  isUtf16: fc.boolean(),
  isNanSaid: fc.boolean(),
  hasDeleted: fc.boolean(),
});

export function deltaStats(
  file: readonly StoredRow[],
  { kept, length, mark, isUtf16, isNanSaid }: Style,
): string {
  const parts = (place: 0 | 1) =>
    kept.flatMap((name) => {
      const value = extremes(name, file, isUtf16)[place];
      if (value === undefined) return [];
      const hasNan = file.some((each) => Number.isNaN(each[name]));
      const json = (): string => {
        if (typeof value === 'bigint' && name === 'at')
          return JSON.stringify(new Date(Math.floor(Number(value) / 1_000)).toISOString());
        // Before 1900, another calendar may be meant.
        if (value instanceof Date)
          return JSON.stringify(
            new Date(value.getTime() + (value < new Date('1900') ? 9 * dayMs : 0)).toISOString().slice(0, 10),
          );
        if (typeof value === 'string') {
          const short = cut(value, length);
          return JSON.stringify(place === 1 && short !== value ? `${short}${mark}` : short);
        }
        if (typeof value === 'number' && !Number.isFinite(value)) return JSON.stringify(String(value));
        // The text of a float is short: 0.1, not 0.10000000149011612.
        return String(Object.is(value, -0) ? '-0.0' : value);
      };
      return [`${JSON.stringify(name)}:${isNanSaid && hasNan && place === 1 ? '"NaN"' : json()}`];
    });
  const nulls = kept.map((name) => `${JSON.stringify(name)}:${countMissing(name, file)}`);
  return `{"numRecords":${file.length},"minValues":{${parts(0)}},"maxValues":{${parts(1)}},"nullCount":{${nulls}}}`;
}

export function bytesOf(name: string, value: unknown): Buffer {
  const bytes = Buffer.alloc(8);
  if (name === 'word') return Buffer.from(value as string);
  if (name === 'ok') return Buffer.from([Number(value)]);
  if (name === 'id' || name === 'at') bytes.writeBigInt64LE(value as bigint);
  if (name === 'x') bytes.writeDoubleLE(value as number);
  if (name === 'f') bytes.writeFloatLE(value as number);
  if (name === 'n' || name === 'result') bytes.writeInt32LE(value as number);
  if (name === 'day') bytes.writeInt32LE((value as Date).getTime() / dayMs);
  if (name === 'price') {
    bytes.writeInt32BE(Math.round(100 * (value as number)));
    return bytes.subarray(0, 4);
  }
  return ['id', 'at', 'x'].includes(name) ? bytes : bytes.subarray(0, 4);
}

export function statsOfIceberg(
  file: readonly StoredRow[],
  { kept, length, isUtf16 }: Style,
): Partial<IcebergFile> {
  const bounds = (place: 0 | 1): Bounds =>
    kept.flatMap((name) => {
      const value = extremes(name, file, isUtf16)[place];
      const upper = (text: string): string | undefined => {
        const short = [...cut(text, length)];
        if (short.join('') === text) return text;
        const last = short.pop()!.codePointAt(0)! + 1;
        return last > 0x10ffff || (last >= 0xd800 && last < 0xe000)
          ? undefined
          : `${short.join('')}${String.fromCodePoint(last)}`;
      };
      const said = typeof value !== 'string' ? value : place === 0 ? cut(value, length) : upper(value);
      return said === undefined ? [] : [{ key: names.indexOf(name) + 1, value: bytesOf(name, said) }];
    });
  const nullCounts = kept.map((name) => ({ key: names.indexOf(name) + 1, value: countMissing(name, file) }));
  return { lowerBounds: bounds(0), upperBounds: bounds(1), nullCounts };
}

/** Transforms, by the column that they are made of, and what they make of a stored value. */
const transforms = [
  { name: 'n', transform: 'identity', avro: 'int', of: (value: unknown) => value },
  {
    name: 'n',
    transform: 'truncate[3]',
    avro: 'int',
    of: (value: unknown) => 3 * Math.floor((value as number) / 3),
  },
  {
    name: 'id',
    transform: 'truncate[2]',
    avro: 'long',
    of: (value: unknown) => Number(value) - (Math.abs(Number(value)) % 2),
  },
  { name: 'word', transform: 'truncate[1]', avro: 'string', of: (value: unknown) => cut(value as string, 1) },
  {
    name: 'day',
    transform: 'year',
    avro: 'int',
    of: (value: unknown) => (value as Date).getUTCFullYear() - 1970,
  },
  {
    ...{ name: 'day', transform: 'month', avro: 'int' },
    of: (value: unknown) => 12 * ((value as Date).getUTCFullYear() - 1970) + (value as Date).getUTCMonth(),
  },
  {
    name: 'at',
    transform: 'day',
    avro: { type: 'int', logicalType: 'date' },
    of: (value: unknown) => Math.floor(Number(value) / 86_400e6),
  },
  // As an older writer does.
  { name: 'at', transform: 'day', avro: 'int', of: (value: unknown) => Math.trunc(Number(value) / 86_400e6) },
  { name: 'at', transform: 'hour', avro: 'int', of: (value: unknown) => Math.floor(Number(value) / 3_600e6) },
  {
    name: 'id',
    transform: 'bucket[2]',
    avro: 'int',
    of: (value: unknown) => Number(BigInt.asUintN(1, value as bigint)),
  },
] as const;
export const spec = fc.subarray(
  [...transforms].filter(({ name }) => name !== 'id' || true),
  { maxLength: 2 },
);
type Spec = typeof spec extends fc.Arbitrary<infer T> ? T : never;

/** Manifests of files, each with the rows of one partition. */
export function manifestsOf(
  all: readonly StoredRow[],
  parts: Spec,
  styles: readonly Style[],
): IcebergManifest[] {
  const groups = new Map<string, { readonly partition: unknown[]; readonly rows: StoredRow[] }>();
  for (const each of all) {
    // The writer of manifests makes no larger numbers.
    if (parts.some(({ avro }) => avro === 'long') && ((each.id as bigint | null) ?? 0n) >= long) continue;
    const partition = parts.map(({ name, of }) => (each[name] === null ? null : of(each[name])));
    const group = groups.get(JSON.stringify(partition)) ?? { partition, rows: [] };
    groups.set(JSON.stringify(partition), group);
    group.rows.push(each);
  }
  const files = Array.from(groups.values(), (group, k) => ({
    ...group,
    ...statsOfIceberg(group.rows, styles[k % styles.length]!),
  }));
  return Array.from({ length: Math.ceil(files.length / 2) }, (_, k) => {
    const some = files.slice(2 * k, 2 * k + 2);
    const partitions = parts.map(({ name, transform }, place): Summary => {
      const results = some.map(({ partition }) => partition[place]).filter((result) => result !== null);
      const sorted = results.sort(name === 'word' ? byUtf8 : byUtf16);
      const isOfSource = transform === 'identity' || transform.startsWith('truncate');
      const bytes = (result: unknown) =>
        result === undefined
          ? null
          : bytesOf(
              isOfSource ? name : 'result',
              name === 'id' && isOfSource ? BigInt(result as number) : result,
            );
      return {
        contains_null: results.length < some.length,
        lower_bound: bytes(sorted[0]),
        upper_bound: bytes(sorted.at(-1)),
      };
    });
    return { files: some, partitions };
  });
}

/** Deletes the first row of a file. */
export function deletion(): object {
  const vector = vectorOf([0]);
  const { length } = vector;
  return {
    add: {
      deletionVector: { storageType: 'i', sizeInBytes: length, cardinality: 1, pathOrInlineDv: z85(vector) },
    },
  };
}
