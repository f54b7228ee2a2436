// What Parquet and Arrow files may hold that is damaged, hostile or rare. The corpus is made by fixtures/formats/corpus/make_corpus.py.
import { readFileSync } from 'node:fs';
import { parquetMetadata } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { MillraceError } from 'millrace';
import { FormatError } from 'millrace/errors';
import { ArrowDataset, ParquetDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { describe, expect, it } from 'vitest';
import type { ParquetDatasetOptions } from '../../dist/formats/parquet/parquet-dataset.js';
import { searchSize } from '../setup/search-size.js';
import { plain } from './plain-values.js';

const corpus = (name: string) =>
  Uint8Array.from(readFileSync(new URL(`../fixtures/formats/corpus/${name}`, import.meta.url)));
type Row = Readonly<Record<string, unknown>>;

async function rowsOf(dataset: ParquetDataset<unknown> | ArrowDataset<unknown>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let index = 0; index < dataset.length; index++) rows.push((await dataset.get(index)) as Row);
  return rows;
}
const parquetRows = async (bytes: Uint8Array, options: ParquetDatasetOptions = {}) =>
  rowsOf(await ParquetDataset.open(new MemorySource(bytes, 'x.parquet'), options));
const arrowRows = async (bytes: Uint8Array, options: { maxDecompressedBytes?: number } = {}) =>
  rowsOf(await ArrowDataset.open(new MemorySource(bytes, 'x.arrow'), options));
type Written = Parameters<typeof parquetWriteBuffer>[0];
const written = (options: Written) => new Uint8Array(parquetWriteBuffer(options));

describe('a Parquet page with a checksum', () => {
  const checked = JSON.parse(Buffer.from(corpus('checked-pages.json')).toString()) as Record<
    string,
    [start: number, end: number][]
  >;
  it.each(Object.keys(checked))('is refused when a byte of it changed: %s', async (name) => {
    const pages = checked[name]!.filter(([from, to]) => to > from);
    const step = searchSize({ short: 5, long: 1 });
    for (const [start, end] of pages.filter((_page, k) => k % step === 0)) {
      const bytes = corpus(name);
      bytes[(start + end) >> 1]! ^= 1;
      await expect(parquetRows(bytes)).rejects.toThrow(/checksum of a page .*x\.parquet.* column/);
    }
  });

  it('of gzip too gives the same values or an error, never others', async () => {
    const whole = corpus('v2-gzip-index.parquet');
    const before = JSON.stringify((await parquetRows(whole)).map(plain));
    const gzip = Buffer.from(whole);
    let refused = 0;
    for (let at = gzip.indexOf('1f8b08', 0, 'hex'); at >= 0; at = gzip.indexOf('1f8b08', at + 1, 'hex')) {
      const bytes = Uint8Array.from(whole);
      bytes[at + 12]! ^= 4;
      const rows = await parquetRows(bytes).catch((error: unknown) => error);
      if (rows instanceof FormatError) refused += 1;
      else expect(JSON.stringify((rows as Row[]).map(plain))).toBe(before);
    }
    expect(refused).toBeGreaterThan(20);
  });
});

describe('maxDecompressedBytes', () => {
  it('limits what a block of rows may expand to, before memory is taken', async () => {
    // A run of equal values takes the same few bytes, whatever its length.
    const data = new Int32Array(1_000_000);
    const bytes = written({ columnData: [{ name: 'x', data, type: 'INT32', nullable: false }] });
    const limited = parquetRows(bytes, { maxDecompressedBytes: 1_000_000 });
    await expect(limited).rejects.toThrow(/more than 1000000 bytes .*raise maxDecompressedBytes/);
    const dataset = await ParquetDataset.open(new MemorySource(bytes, 'x.parquet'));
    expect(await dataset.get(999_999)).toEqual({ x: 0 });
  });

  it.each(['lz4.arrow', 'zstd.arrow'])('limits what a record batch may expand to: %s', async (name) => {
    await expect(arrowRows(corpus(name), { maxDecompressedBytes: 100 })).rejects.toThrow(
      /more than 100 bytes .*raise maxDecompressedBytes/,
    );
  });
});

describe('a Parquet footer', () => {
  const withFooter = (footer: readonly number[]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    return Uint8Array.from([...Buffer.from('PAR1'), ...footer, ...length, ...Buffer.from('PAR1')]);
  };
  it('cannot claim lists that are longer than it is, at any depth', async () => {
    // A list of 2^31 - 1 lists, each of which says the same.
    const list = [0xf9, 0xff, 0xff, 0xff, 0xff, 0x07];
    const footer = [0x29, ...Array.from({ length: 100 }, () => list).flat(), 0];
    await expect(parquetRows(withFooter(footer))).rejects.toThrow(/a list of 2147483647 values in/);
  });

  it('cannot be nested without end', async () => {
    const footer = [...Array.from({ length: 100_000 }, () => 0x1c), 0];
    await expect(parquetRows(withFooter(footer))).rejects.toThrow(/nested too deeply/);
  });

  it('that is encrypted is named so, as is an empty file', async () => {
    const bytes = corpus('v1-crc.parquet');
    bytes.set(Buffer.from('PARE'), bytes.length - 4);
    await expect(parquetRows(bytes)).rejects.toThrow(/footer is encrypted/);
    await expect(parquetRows(new Uint8Array(0))).rejects.toThrow(/0 bytes, which are too few/);
  });

  it('may leave the header of the dictionary out of the size of a column, as old writers did', async () => {
    const text = Array.from({ length: 100 }, (_, k) => `word ${k % 3}`);
    const bytes = written({ columnData: [{ name: 'x', data: text, type: 'STRING' }], codec: 'UNCOMPRESSED' });
    const size = Number(parquetMetadata(bytes).row_groups[0]!.columns[0]!.meta_data!.total_compressed_size);
    // As Thrift has it: twice the number, seven bits a byte.
    const varInt = (value: number) => [((2 * value) & 127) | 128, (2 * value) >> 7];
    const field = Buffer.from([0x16, ...varInt(size)]);
    const at = Buffer.from(bytes).lastIndexOf(field, Buffer.from(bytes).lastIndexOf(field) - 1);
    const places = [Buffer.from(bytes).lastIndexOf(field), at].filter((place) => place > 0);
    for (const place of places) bytes.set([0x16, ...varInt(size - 20)], place);
    const changed = parquetMetadata(bytes).row_groups[0]!.columns[0]!.meta_data!;
    expect(Number(changed.total_compressed_size)).toBe(size - 20);
    expect((await parquetRows(bytes)).map(({ x }) => x)).toEqual(text);
  });
});

describe('Parquet values', () => {
  it('that are decimals are the nearest numbers, for filters as well', async () => {
    const bytes = corpus('v1-crc.parquet');
    const rows = await parquetRows(bytes, { columns: ['price', 'wide'] });
    expect(rows.map(({ price }) => price)).toEqual(rows.map((_, k) => Number(`${57 + 13 * k}e-2`)));
    for (const [k, { price, wide }] of rows.entries()) {
      const found = async (filter: ParquetDatasetOptions['filter'] & object) =>
        (await parquetRows(bytes, { columns: ['price'], filter })).length;
      expect(await found({ price: { $eq: price as number } })).toBe(1);
      expect(await found({ price: { $lte: price as number } })).toBe(k + 1);
      expect(await found({ price: { $gt: price as number } })).toBe(rows.length - k - 1);
      const alike = rows.filter((row) => row.wide === wide).length;
      expect(await found({ wide: { $in: [wide as number | null] } })).toBe(alike);
    }
  });

  it('of 64 bits equal the numbers that a filter names', async () => {
    const rows = await parquetRows(corpus('v1-crc.parquet'), { filter: { int64: { $eq: 3 * 10 ** 15 } } });
    expect(rows.map(({ int64 }) => int64)).toEqual([3n * 10n ** 15n]);
  });

  it('that repeat without a list around them are empty lists, never null', async () => {
    expect(await parquetRows(corpus('repeated.parquet'))).toEqual([{ r: [1, 2] }, { r: [] }, { r: [3] }]);
  });

  it('that are geometry are WKB', async () => {
    const data = [{ type: 'Point', coordinates: [1, 2] }];
    const [row] = await parquetRows(written({ columnData: [{ name: 'g', data, type: 'GEOMETRY' }] }));
    const wkb = Buffer.from(row!.g as Uint8Array);
    expect([wkb.readUInt8(0), wkb.readUInt32LE(1), wkb.readDoubleLE(5), wkb.readDoubleLE(13)]).toEqual([
      1, 1, 1, 2,
    ]);
  });

  it('that are text but not UTF-8 are an error, not other text', async () => {
    const bytes = written({
      columnData: [{ name: 'x', data: ['abcdefgh'], type: 'STRING', statistics: false }],
      codec: 'UNCOMPRESSED',
    });
    bytes[Buffer.from(bytes).indexOf('abcdefgh') + 3] = 0xff;
    await expect(parquetRows(bytes)).rejects.toThrow(/not UTF-8 .*row 0, column x/);
  });

  it.each([
    ['BOOLEAN', [true, false, null, 'other', false]],
    ['INT32', [0, 7, null, 'other', -1]],
    ['DOUBLE', [0, 0.5, null, [1.5], false]],
    ['STRING', ['', 'a', null, 5, { a: '' }]],
    [['STRING'], [['', 'a', null, 3], [], null, 'none', [false]]],
    [{ a: 'BOOLEAN', b: 'STRING' }, [{ a: false, b: '' }, { a: 0, c: false }, {}, { b: null }, 'none']],
  ] as const)('that are a VARIANT shredded as %j are what was written', async (shredding, values) => {
    const column = { name: 'v', data: [...values], type: 'VARIANT', shredding } as unknown;
    const bytes = written({ columnData: [column as Written['columnData'][number]] });
    expect((await parquetRows(bytes)).map(({ v }) => v)).toEqual(values);
  });

  it('may be called __proto__: names of columns and fields are data', async () => {
    const columnData: Written['columnData'] = [{ name: '__proto__', data: ['a'], type: 'STRING' }];
    const [row] = await parquetRows(written({ columnData }));
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(Object.entries(row!)).toEqual([['__proto__', 'a']]);
  });
});

/** A stream of 1, 2, 3 whose schema says that they are big-endian, which they are: built by hand with a FlatBuffers builder. */
const bigEndian = [
  'ffffffff800000001000000000000a000c000a00090004000a000000100000000001040008000c000a000400',
  '080000000800000000000100010000001400000010001400100000000f000800000004001000000010000000',
  '18000000000000021c0000000000000008000c00080007000800000000000001200000000100000078000000',
  '00000000ffffffff8800000014000000000000000c001600140013000c0004000c0000001000000000000000',
  '140000000000000304000a0018000c00080004000a0000001400000038000000030000000000000000000000',
  '020000000000000000000000000000000000000000000000000000000c000000000000000000000001000000',
  '0300000000000000000000000000000000000001000000020000000300000000ffffffff00000000',
];

describe('an Arrow file', () => {
  it('with zeros where a record batch should be is an error: no rows are left out', async () => {
    const whole = corpus('plain.arrow');
    const marks: number[] = [];
    for (let at = 8; at < whole.length - 8; at += 8)
      if (Buffer.from(whole).readUInt32LE(at) === 0xffff_ffff) marks.push(at);
    let refused = 0;
    // The first is the schema, which the footer has as well.
    for (const mark of marks.slice(1)) {
      const bytes = Uint8Array.from(whole).fill(0, mark, mark + 16);
      const rows = await arrowRows(bytes).catch((error: unknown) => error);
      if (rows instanceof MillraceError) refused += 1;
      else expect((rows as Row[]).length).toBe(40);
    }
    expect(refused).toBeGreaterThan(2);
  });

  it('that is big-endian is refused by name', async () => {
    await expect(arrowRows(Buffer.from(bigEndian.join(''), 'hex'))).rejects.toThrow(/big-endian/);
  });

  it.each(['plain.arrows', 'legacy.arrows'])(
    'that is a stream may lack its end, not a part of itself: %s',
    async (name) => {
      const whole = corpus(name);
      const endBytes = name.startsWith('legacy') ? 4 : 8;
      const stream = whole.subarray(0, whole.length - endBytes);
      expect(await arrowRows(stream)).toEqual(await arrowRows(whole));
      for (const cut of [1, 8, 100, 1_000])
        await expect(arrowRows(stream.subarray(0, stream.length - cut))).rejects.toThrow(/cut short/);
    },
  );

  it('of version 1 of Feather is named so', async () => {
    await expect(arrowRows(Buffer.from('FEA1 and more'))).rejects.toThrow(/Feather of version 1/);
  });
});
