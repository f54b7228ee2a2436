import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  ConfigError,
  DataLoader,
  type Dataset,
  FormatError,
  MillraceError,
  type SampleContext,
} from 'millrace';
import { CsvDataset, JsonlDataset, TextDataset } from 'millrace/formats';
import { type ByteSource, MemorySource } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-records-'));
const server = new ObjectServer();
beforeAll(() => server.start());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
});

function write(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const context = {} as SampleContext;
async function all<T>(dataset: Dataset<T>): Promise<T[]> {
  const samples: T[] = [];
  for (let index = 0; index < dataset.length; index++) samples.push(await dataset.get(index, context));
  return samples;
}

/** The same bytes, which come in pieces of this size. */
class PieceSource extends MemorySource {
  readonly #pieceBytes: number;

  constructor(text: string | Uint8Array, pieceBytes: number) {
    super(Buffer.from(text), 'pieces.csv');
    this.#pieceBytes = pieceBytes;
  }

  override async *stream(start = 0): AsyncGenerator<Uint8Array> {
    for (let at = start; at < this.byteLength; at += this.#pieceBytes)
      yield this.readSync(at, Math.min(at + this.#pieceBytes, this.byteLength));
  }
}

describe('JsonlDataset', () => {
  it('gives what was written, however lines end, from files, memory and servers, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.jsonValue(), { maxLength: 20 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom('\n', '\r\n', '\n\n', '\n \t\r\n'),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (files, end, endsWithLine, hasMark, pieceBytes) => {
          const texts = files.map(
            (values) =>
              (hasMark ? '\ufeff' : '') +
              (hasMark ? '' : end.slice(1)) +
              values.map((value) => JSON.stringify(value)).join(end) +
              (endsWithLine ? end : ''),
          );
          const expected = JSON.parse(JSON.stringify(files.flat())) as unknown[];
          const sources: (ByteSource | string)[] = texts.map((text) => new PieceSource(text, pieceBytes));
          const dataset = await JsonlDataset.open(sources);
          expect(await all(dataset)).toEqual(expected);
          expect(dataset.shardLengths).toEqual(files.map(({ length }) => length));
          const paths = texts.map((text, k) => write(`round-${k}.jsonl`, text));
          const local = await JsonlDataset.open(paths);
          const backwards = Array.from(expected, (_, k) => expected.length - 1 - k);
          for (const index of backwards) expect(await local.get(index)).toEqual(expected[index]);
          expect(local.fingerprint()).toBe(dataset.fingerprint());
          local.close();
        },
      ),
    );
  });

  it('goes into workers, over HTTP too, with every batch the same', async () => {
    const rows = Array.from({ length: 300 }, (_, id) => ({ id, text: `line ${id} – ü`.repeat(id % 7) }));
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const url = server.put('/rows.jsonl', Buffer.from(text));
    const path = write('rows.jsonl', text);
    const seen: unknown[] = [];
    for (const [file, numWorkers] of [
      [path, 0],
      [path, 2],
      [url, 0],
      [url, 2],
    ] as const) {
      const dataset = await JsonlDataset.open<(typeof rows)[number]>(file);
      await using loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, seed: 5, numWorkers });
      const batches: unknown[] = [];
      for await (const batch of loader) batches.push(batch);
      seen.push({ batches, state: loader.stateDict() });
    }
    for (const other of seen) expect(other).toEqual(seen[0]);
  });

  it('says where a line is damaged', async () => {
    const path = write('damaged.jsonl', '{"a": 1}\n{"a": 2\n{"a": 3}\n');
    const dataset = await JsonlDataset.open(path);
    expect(await dataset.get(2)).toEqual({ a: 3 });
    expect(() => dataset.get(1)).toThrow(FormatError);
    expect(() => dataset.get(1)).toThrow(
      /Row 1 is not JSON.*index 1, file .*damaged\.jsonl, row 1, byte offset 9/,
    );
    const latin = await JsonlDataset.open(
      new MemorySource(Buffer.from('"caf\xe9"\n', 'latin1'), 'latin.jsonl'),
    );
    expect(() => latin.get(0)).toThrow(/Row 0 is not text in UTF-8 .*latin\.jsonl/);
    const meant = await JsonlDataset.open(new MemorySource(Buffer.from('"\ufffd"')));
    expect(await meant.get(0)).toBe('\ufffd');
    expect(() => dataset.get(3)).toThrow(/JsonlDataset has no sample 3/);
    await expect(JsonlDataset.open(join(folder, 'absent.jsonl'))).rejects.toThrow(/no such file.*absent/);
    await expect(JsonlDataset.open(path, { timeoutms: 1 } as never)).rejects.toThrow(
      /timeoutms: unknown option, did you mean timeoutMs/,
    );
  });

  it('has another fingerprint for other content', async () => {
    const one = await JsonlDataset.open(new MemorySource(Buffer.from('1\n2\n')));
    const other = await JsonlDataset.open(new MemorySource(Buffer.from('1\n3\n')));
    expect(one.fingerprint()).not.toBe(other.fingerprint());
  });
});

describe('TextDataset', () => {
  it('cuts text into lines, files, or documents between separators', async () => {
    const path = write('a.txt', '\ufeffone\r\n\n two \nthree');
    expect(await all(await TextDataset.open(path))).toEqual(['one', ' two ', 'three']);
    expect(await all(await TextDataset.open(path, { unit: 'file' }))).toEqual(['one\r\n\n two \nthree']);
    await expect(TextDataset.open(path, { unit: 'word' as never })).rejects.toThrow(ConfigError);
  });

  it('finds every document, wherever the pieces of the file end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', '|', '>', '\n', 'ü'), maxLength: 6 })),
        fc.constantFrom('|>', '||>', '\n', 'ü|'),
        fc.integer({ min: 1, max: 12 }),
        async (parts, separator, pieceBytes) => {
          const text = parts.join(separator);
          const dataset = await TextDataset.open(new PieceSource(text, pieceBytes), { unit: { separator } });
          expect(await all(dataset)).toEqual(text.split(separator).filter((part) => part !== ''));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('CsvDataset', () => {
  const quoted = (cell: string, always: boolean) =>
    always || /["\n\r,]/.test(cell) || cell === '' ? `"${cell.replaceAll('"', '""')}"` : cell;

  it('gives the cells that were written, with any quotes, line ends and pieces', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'ü', ' ', '1'), maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 10 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (rows, end, always, pieceBytes) => {
          const text = [
            'x,y',
            ...rows.map((row) => row.map((value) => quoted(value, always)).join(',')),
          ].join(end);
          const source = new PieceSource(text, pieceBytes);
          const dataset = await CsvDataset.open(source, { types: { x: 'string', y: 'string' } });
          expect(await all(dataset)).toEqual(rows.map(([x, y]) => ({ x, y })));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('tells numbers, booleans and text apart, and chooses columns', async () => {
    const path = write(
      'types.csv',
      'id,price,ok,zip,note\n1,2.5,true,00123,\n-2,1e-3,FALSE,99999,"5"" pipe"\n3,,true,10000,x\n',
    );
    const dataset = await CsvDataset.open(path);
    expect(dataset.columns.map(({ type }) => type)).toEqual([
      'number',
      'number',
      'boolean',
      'string',
      'string',
    ]);
    expect(await dataset.get(1)).toEqual({ id: -2, price: 0.001, ok: false, zip: '99999', note: '5" pipe' });
    expect((await dataset.get(2)).price).toBeNaN();
    const chosen = await CsvDataset.open(path, { columns: ['ok', 'id'], types: { id: 'string' } });
    expect(await all(chosen)).toEqual([
      { ok: true, id: '1' },
      { ok: false, id: '-2' },
      { ok: true, id: '3' },
    ]);
    await expect(CsvDataset.open(path, { columns: ['prize'] })).rejects.toThrow(
      /no column prize; there are id, price/,
    );
  });

  it('reads tabs, files without a header, and several files as one', async () => {
    const tabs = write('t.tsv', 'a\tb\n1\t5" pipe\n');
    expect(await all(await CsvDataset.open(tabs))).toEqual([{ a: 1, b: '5" pipe' }]);
    const plain = write('p.csv', '1;2\n3;4\n');
    expect(await all(await CsvDataset.open(plain, { delimiter: ';', header: ['u', 'v'] }))).toEqual([
      { u: 1, v: 2 },
      { u: 3, v: 4 },
    ]);
    expect(await all(await CsvDataset.open(plain, { delimiter: ';', header: false }))).toEqual([
      { column0: 1, column1: 2 },
      { column0: 3, column1: 4 },
    ]);
    write('m0.csv', 'a,b\n1,2\n');
    write('m1.csv', 'a,b\n');
    write('m2.csv', 'a,b\r\n3,4\r\n');
    const many = await CsvDataset.open(join(folder, 'm*.csv'));
    expect([await all(many), many.shardLengths]).toEqual([
      [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
      [1, 0, 1],
    ]);
    write('m3.csv', 'a,c\n3,4\n');
    await expect(CsvDataset.open(join(folder, 'm*.csv'))).rejects.toThrow(
      /Two files have different columns.*m3\.csv, columns a c/,
    );
  });

  it('takes a first row of numbers for a row, unless they are those that count columns', async () => {
    const cell = fc.oneof(
      fc.integer().map(String),
      fc.double({ min: -(2 ** 53), max: 2 ** 53, noNaN: true }).map(String),
    );
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 5 })
          .chain((width) =>
            fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 4 }),
          ),
        async (rows) => {
          const first = rows[0]!;
          fc.pre(first.some((each, k) => each !== String(k)));
          const text = rows.map((row) => `${row.join(',')}\n`).join('');
          const numbered = rows.map((row) =>
            Object.fromEntries(row.map((each, k) => [`column${k}`, Number(each)])),
          );
          expect(await all(await CsvDataset.open(write('numbers.csv', text)))).toEqual(numbered);
          // As pandas names columns that have no names.
          const names = `${first.map((_, k) => k).join(',')}\n`;
          const named = rows.map((row) =>
            Object.fromEntries(row.map((each, k) => [String(k), Number(each)])),
          );
          expect(await all(await CsvDataset.open(write('counted.csv', names + text)))).toEqual(named);
        },
      ),
      { numRuns: 50 },
    );
    const ids = await CsvDataset.open(write('ids.csv', '9007199254740993,1\n9007199254740995,2\n'));
    expect(await ids.get(0)).toEqual({ column0: '9007199254740993', column1: 1 });
    const given = await CsvDataset.open(write('years.csv', '2024,2025\n1,2\n'), { header: true });
    expect(await all(given)).toEqual([{ 2024: 1, 2025: 2 }]);
    const blank = await CsvDataset.open(write('blank.csv', '\r\n,2\n1,2\n'), { header: false });
    expect(blank.length).toBe(2);
  });

  it('rounds no whole number: a column that has one too long for a number is text, and says so where it is too late', async () => {
    const exact = await CsvDataset.open(
      write('exact.csv', 'n,f\n-9007199254740991,1e300\n1152921504606846976,0.1\n'),
    );
    expect(await exact.get(1)).toEqual({ n: 2 ** 60, f: 0.1 });
    const long = await CsvDataset.open(write('long.csv', 'n\n3\n+9007199254740993\n'));
    expect([await long.get(0), await long.get(1)]).toEqual([{ n: '3' }, { n: '+9007199254740993' }]);
    const late = await CsvDataset.open(write('late.csv', `n\n${'1\n'.repeat(1_100)}9007199254740993\n`));
    expect(() => late.get(1_100)).toThrow(/"9007199254740993".*too long for one.*types: \{ n: 'string' \}/);
  });

  it('has null for a boolean that is missing, also where none was among the first rows', async () => {
    const dataset = await CsvDataset.open(write('flags.csv', `f,x\n${'true,2\n'.repeat(1_100)},1\n`));
    expect([await dataset.get(0), await dataset.get(1_100)]).toEqual([
      { f: true, x: 2 },
      { f: null, x: 1 },
    ]);
  });

  it('says where a row is damaged', async () => {
    const rows = Array.from({ length: 1_200 }, (_, k) => `${k},x\n`);
    rows[1_100] = 'eleven,x\n';
    rows[1_101] = '1,2,3\n';
    const dataset = await CsvDataset.open(write('bad.csv', `n,t\n${rows.join('')}"open,1\n2,y\n`));
    expect(() => dataset.get(1_100)).toThrow(
      /Row 1100 has "eleven" in the column n, which holds a number.*row 1100.*column n/,
    );
    expect(() => dataset.get(1_101)).toThrow(/has 3 fields, and the columns are 2/);
    expect(() => dataset.get(1_200)).toThrow(/is not separated values: Quoted field unterminated/);
    await expect(CsvDataset.open(write('empty.csv', ''))).rejects.toThrow(
      /does not begin with names of columns: it is empty/,
    );
    await expect(CsvDataset.open(write('twice.csv', 'a,a\n'))).rejects.toThrow(/"a" is there twice/);
  });
});

describe('files with a byte flipped', () => {
  const jsonl = Buffer.from('{"a": 1, "b": "ü"}\n{"a": [2, 3]}\n"x"\n');
  const csv = Buffer.from('n,t\n1,"a ""b"""\n2,ü\n3,c\n');
  it.each([
    ['JSON Lines', jsonl, (source: ByteSource) => JsonlDataset.open(source)],
    ['CSV', csv, (source: ByteSource) => CsvDataset.open(source)],
    ['text', csv, (source: ByteSource) => TextDataset.open(source)],
  ] as const)('%s: a typed error or data, never a crash', async (_, bytes, open) => {
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Uint8Array.from(bytes);
        damaged[at]! ^= 1 << bit;
        try {
          const dataset: Dataset<unknown> = await open(new MemorySource(damaged, 'damaged'));
          for (let index = 0; index < dataset.length; index++) {
            try {
              await dataset.get(index, context);
            } catch (error) {
              expect(error).toBeInstanceOf(MillraceError);
            }
          }
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError);
        }
      }
    }
  });
});
