import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DataLoader, type Dataset, MillraceError, type SampleContext } from 'millrace';
import { ConfigError, FormatError } from 'millrace/errors';
import { CsvDataset, JsonlDataset, openDataset, TextDataset } from 'millrace/formats';
import { sampleContext } from 'millrace/random';
import { type ByteSource, MemorySource } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseJson } from '../../dist/formats/text/parse-json.js';
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

/** A whole number beyond 2^53 - 1 as the digits say that `JSON.stringify` writes. */
function exactly(_: string, value: unknown): unknown {
  const isLong = Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(String(value));
  return isLong ? BigInt(String(value)) : value;
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
  it('returns what was written, whatever the line ends, from files, memory and servers, in any order', async () => {
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
          const expected = JSON.parse(JSON.stringify(files.flat()), exactly) as unknown[];
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

  it('chooses fields of the objects, here and in workers', async () => {
    const path = join(folder, 'fields.jsonl');
    writeFileSync(path, '{"a":1,"b":"x","__proto__":3}\n{"b":"y","c":4}\n');
    const { dataset } = await openDataset(path, { columns: ['b', '__proto__'] });
    const rows = [await dataset.get(0, sampleContext(0)), await dataset.get(1, sampleContext(1))];
    expect(rows).toEqual([JSON.parse('{"b":"x","__proto__":3}'), { b: 'y' }]);
    const only = await JsonlDataset.open<{ b: string }>(path, { columns: ['b'] });
    expect(only.fingerprint()).not.toBe((await JsonlDataset.open(path)).fingerprint());
    for (const numWorkers of [0, 1]) {
      await using loader = new DataLoader(only, { batchSize: 2, numWorkers });
      for await (const batch of loader) expect(batch).toEqual({ b: ['x', 'y'] });
    }
  });

  it('has another fingerprint for other content', async () => {
    const one = await JsonlDataset.open(new MemorySource(Buffer.from('1\n2\n')));
    const other = await JsonlDataset.open(new MemorySource(Buffer.from('1\n3\n')));
    expect(one.fingerprint()).not.toBe(other.fingerprint());
  });
});

describe('numbers of JSON', () => {
  const read = (text: string) => parseJson(text);

  it('are read as Python reads them: NaN, infinities, and whole numbers of any length exactly', () => {
    expect(read('[NaN, Infinity, -Infinity, {"a": NaN}]')).toEqual([NaN, Infinity, -Infinity, { a: NaN }]);
    expect(read('9007199254740991')).toBe(9_007_199_254_740_991);
    expect(read('[9007199254740993, -9007199254740993]')).toEqual([
      9_007_199_254_740_993n,
      -9_007_199_254_740_993n,
    ]);
    const floats = '[12345678901234567890.5, 1234567890123456789e1, 0.12345678901234567890]';
    expect(read(floats)).toEqual(JSON.parse(floats));
  });

  it('in texts and names of fields stay text', () => {
    const value = { 'NaN 12345678901234567890': '"NaN" -Infinity \\ 12345678901234567890 \ue000', b: '\\"' };
    expect(read(JSON.stringify([value, 1]))).toEqual([value, 1]);
    expect(read(JSON.stringify([value]).replace('[', '[NaN, 12345678901234567890, '))).toEqual([
      NaN,
      12_345_678_901_234_567_890n,
      value,
    ]);
  });

  it.each([
    '-NaN',
    'nan',
    'NaN1',
    '1NaN',
    '--Infinity',
    '+Infinity',
    '{NaN: 1}',
    '{12345678901234567890: 1}',
    '012345678901234567890',
    '-012345678901234567890',
    '1234567890123456789O',
    `${'9'.repeat(4_301)}`,
    '[NaN',
    '"NaN',
  ])('that are none are refused: %s', (text) => {
    expect(() => read(text)).toThrow(SyntaxError);
  });

  it('of any size come back from what Python and JavaScript write', () => {
    const whole = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
    const isSafe = (n: bigint) => n === BigInt.asIntN(54, n) && n !== -(2n ** 53n);
    fc.assert(
      fc.property(
        fc.array(fc.oneof(whole, fc.string(), fc.double({ noDefaultInfinity: true, noNaN: true }))),
        (values) => {
          const text = `[${values.map((x) => (typeof x === 'bigint' ? String(x) : JSON.stringify(x))).join(', ')}]`;
          const expected = values.map((x) => {
            if (typeof x === 'bigint') return isSafe(x) ? Number(x) : x;
            return exactly('', JSON.parse(JSON.stringify(x)));
          });
          expect(read(text)).toEqual(expected);
        },
      ),
    );
  });
});

describe('text in another encoding or with other line ends', () => {
  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
  const opened = {
    jsonl: (bytes: Uint8Array) => JsonlDataset.open(new MemorySource(bytes, 'x.jsonl')),
    csv: (bytes: Uint8Array) => CsvDataset.open(new MemorySource(bytes, 'x.csv')),
    text: (bytes: Uint8Array) => TextDataset.open(new MemorySource(bytes, 'x.txt')),
  };

  it.each(['jsonl', 'csv', 'text'] as const)(
    '%s is refused in UTF-32 and, but for CSV, in UTF-16, by its mark',
    async (format) => {
      const little = utf16('a,b\n1,2\n');
      const big = Buffer.from(little).swap16();
      const utf32 = Buffer.concat([Buffer.from([0, 0, 0xfe, 0xff]), Buffer.from([0, 0, 0, 0x61])]);
      for (const bytes of format === 'csv' ? [utf32] : [little, big, utf32]) {
        await expect(opened[format](bytes)).rejects.toThrow(FormatError);
        await expect(opened[format](bytes)).rejects.toThrow(/UTF-16 or UTF-32.*file x\..*iconv/);
      }
    },
  );

  it('csv: a header that is not UTF-8 is an error, as a row is', async () => {
    await expect(opened.csv(Buffer.from('na\xefve,b\n1,2\n', 'latin1'))).rejects.toThrow(
      /names of the columns are not text in UTF-8.*file x\.csv/,
    );
  });

  it.each([
    ['jsonl', '{"a":1}\r{"a":2}\r'],
    ['text', 'one\rtwo\r'],
  ] as const)('%s: lines that end in carriage returns alone are an error', async (format, text) => {
    await expect(opened[format](Buffer.from(text))).rejects.toThrow(/carriage returns alone/);
  });

  it.each(['{"a":1}', '{"a":1}\r\n', '{"a":1}\r', '\r\n{"a":1}\r\n \r\n'])(
    'jsonl: one line is one line: %j',
    async (text) => {
      expect((await opened.jsonl(Buffer.from(text))).length).toBe(1);
    },
  );
});

describe('CSV of others', () => {
  const rowsOf = async (text: string, name = 'x.csv') =>
    all(await CsvDataset.open(new MemorySource(Buffer.from(text), name)));

  it('is read whole, however rows end', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = ['a,b', '1,"x\r\ny"', '2,"p\rq"', '', '3,z', ''].join(end);
      expect(await rowsOf(text)).toEqual([
        { a: 1, b: 'x\r\ny' },
        { a: 2, b: 'p\rq' },
        { a: 3, b: 'z' },
      ]);
    }
  });

  it.each([
    ['a,b\n1,2\n', { a: 1, b: 2 }],
    ['a;b\n1;2\n', { a: 1, b: 2 }],
    ['a;b;c\n1,5;2;3\n', { a: '1,5', b: 2, c: 3 }],
    ['a\tb\n1\t2\n', { a: 1, b: 2 }],
    ['a|b\n1|2\n', { a: 1, b: 2 }],
    ['"a;b",c\n1,2\n', { 'a;b': 1, c: 2 }],
    ['a;b,c;d\n1;2,3;4\n', { 'a;b': '1;2', 'c;d': '3;4' }],
    ['text\none; two\n', { text: 'one; two' }],
    ['text\n"one, two"\n', { text: 'one, two' }],
  ])('has the delimiter that cuts its rows evenly: %j', async (text, row) => {
    expect(await rowsOf(text)).toEqual([row]);
    expect(await rowsOf(text.replaceAll('\n', '\r\n'))).toEqual([row]);
    expect(await rowsOf(text.replaceAll('\n', '\r'))).toEqual([row]);
  });

  it('has whole numbers of any length exactly: as text, where no number is the same', async () => {
    expect(await rowsOf(`a,b\n9007199254740993,${'9'.repeat(400)}\n`)).toEqual([
      { a: '9007199254740993', b: '9'.repeat(400) },
    ]);
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

  it('distinguishes numbers, booleans and text, and chooses columns', async () => {
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
    await expect(CsvDataset.open(write('twice.csv', 'a,a\n'))).rejects.toThrow(/"a" appears twice/);
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
