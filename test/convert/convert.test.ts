import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { type SampleContext, workerFunction } from 'millrace';
import { convert, verifyConversion } from 'millrace/convert';
import { ImageFolder, IndexedDataset, openDataset, ParquetDataset, WebDataset } from 'millrace/formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { ObjectServer } from '../storage/object-server.js';
import { bytesOf } from './folder-bytes.js';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url));
const context = {} as SampleContext;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-convert-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let outputs = 0;
const output = () => join(folder, `output-${outputs++}`);

function writeLines(rows: readonly unknown[]): string {
  const path = `${output()}.jsonl`;
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const texts = (count: number) =>
  Array.from({ length: count }, (_, k) => ({ text: `text ${k} ${'ä'.repeat(k % 7)}` }));

describe('convert to tokens', () => {
  it('gives the tokens of every document in order, for any parts and threads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 2 }),
        async (documents, shardSamples, numWorkers) => {
          const path = output();
          const options = { output: path, tokenizer: 'bytes', shardSamples, numWorkers } as const;
          const { samples, tokens } = await convert(writeLines(documents.map((text) => ({ text }))), options);
          const dataset = await IndexedDataset.open(path);
          const read = documents.map((_, k) => Buffer.from(dataset.get(k).data as Uint8Array));
          expect(read).toEqual(documents.map((text) => Buffer.from(text)));
          expect(Array.from(dataset.documentIndex)).toEqual(Array.from({ length: samples + 1 }, (_, k) => k));
          expect(dataset.tokenCount).toBe(tokens);
          dataset.close();
        },
      ),
      { numRuns: searchSize({ short: 6, long: 15 }) },
    );
  });

  it('reads any format, from this machine and from URLs, several as one', async () => {
    const server = await new ObjectServer().start();
    const url = server.put('/rows.jsonl', Buffer.from('{"text": "remote text"}\n'));
    const text = join(folder, 'whole.txt');
    writeFileSync(text, 'one\ntwo\n');
    const inputs = [fixture('table-zstd.parquet'), url, text, fixture('table.csv')];
    const path = output();
    const { samples } = await convert(inputs, { output: path, tokenizer: 'bytes' });
    const dataset = await IndexedDataset.open(path);
    const textOf = (k: number) => Buffer.from(dataset.get(k).data as Uint8Array).toString();
    expect([samples, textOf(1_000), textOf(1_001)]).toEqual([dataset.length, 'remote text', 'one\ntwo\n']);
    const { dataset: table } = await openDataset(fixture('table.csv'));
    expect(textOf(1_002)).toBe(((await table.get(0, context)) as { text: string }).text);
    dataset.close();
    await server.stop();
  });

  it('takes a tokenizer of the user, in threads and out of them, and its end of text', async () => {
    const module = join(folder, 'letters.mjs');
    writeFileSync(
      module,
      `export default { encode: (text) => Array.from(text, (c) => c.charCodeAt(0)), endOfText: 7 };`,
    );
    const tokenizer = workerFunction(new URL(`file://${module}`)) as Parameters<
      typeof convert
    >[1]['tokenizer'];
    const letters = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));
    const input = writeLines([{ body: 'ab' }, { body: '' }, { body: 'c' }]);
    const options = { field: 'body', dtype: 'uint16', dtypeTable: 'megatron' } as const;
    const cases = [
      [{ tokenizer: tokenizer!, appendEndOfText: true, numWorkers: 2 }, [[97, 98, 7], [7], [99, 7]]],
      [{ tokenizer: letters }, [[97, 98], [], [99]]],
    ] as const;
    for (const [own, expected] of cases) {
      const path = output();
      await convert(input, { output: path, ...options, ...own });
      const dataset = await IndexedDataset.open(path, { dtypeTable: 'megatron' });
      expect(dataset.dtype).toBe('uint16');
      expect([0, 1, 2].map((k) => Array.from(dataset.get(k).data as Uint16Array))).toEqual(expected);
      dataset.close();
    }
    const asked = convert(input, { output: output(), ...options, tokenizer: letters, numWorkers: 1 });
    await expect(asked).rejects.toThrow(/workerFunction/);
    const narrow = convert(writeLines([{ text: '\u{1000}' }]), {
      output: output(),
      tokenizer: letters,
      dtype: 'uint8',
    });
    await expect(narrow).rejects.toThrow(/token 4096 does not fit into uint8.*index 0/);
  });
});

describe('convert to Parquet', () => {
  const rows = Array.from({ length: 25 }, (_, k) => ({
    id: k,
    half: k / 2,
    name: k % 5 === 0 ? null : `näme ${k}`,
    flag: k % 2 === 0,
    list: Array.from({ length: k % 4 }, (_, i) => i + 0.5),
    nested: [[k], []],
    meta: { at: [k, 'x'], inner: { k } },
  }));

  it('keeps every value, in shards of so many rows', async () => {
    const path = output();
    await convert(writeLines(rows), { output: path, to: 'parquet', shardSamples: 10 });
    const dataset = await ParquetDataset.open(path);
    expect(dataset.shardLengths).toEqual([10, 10, 5]);
    for (const [k, row] of rows.entries()) {
      const read = JSON.parse(
        JSON.stringify(await dataset.get(k), (_, value) =>
          typeof value === 'bigint' ? Number(value) : value,
        ),
      );
      expect(read).toEqual(row);
    }
    dataset.close();
  });

  it.each([
    'table.arrow',
    'table-zstd.parquet',
    'table.csv',
    'rows.jsonl.gz',
    'arrays.npz',
    'arrays.safetensors',
    'mds',
  ])('keeps the rows of %s', async (name) => {
    const path = output();
    const { samples } = await convert(fixture(name), { output: path, to: 'parquet', numWorkers: 0 });
    const [{ dataset: before }, after] = [await openDataset(fixture(name)), await ParquetDataset.open(path)];
    expect([samples, after.length]).toEqual([before.length, before.length]);
    const plain = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (_, inner) => simple(inner)) ?? 'null');
    for (let index = 0; index < samples; index += Math.ceil(samples / 40))
      expect(plain(await after.get(index))).toEqual(plain(await before.get(index, context)));
    after.close();
    await before.close?.();
  });

  it('says which sample does not fit its column, and takes the type that is named', async () => {
    const mixed = Array.from({ length: 1_100 }, (_, k) => ({ score: k < 1_050 ? 1 : 1.5 }));
    const input = writeLines(mixed);
    const options = { to: 'parquet', numWorkers: 1 } as const;
    await expect(convert(input, { output: output(), ...options })).rejects.toThrow(
      /column score has the type int64.*contains 1\.5.*index 1050.*--types score=/,
    );
    const path = output();
    await convert(input, { output: path, ...options, types: { score: 'float64' } });
    const dataset = await ParquetDataset.open(path);
    expect(await dataset.get(1_099)).toEqual({ score: 1.5 });
    dataset.close();
    await expect(
      convert(writeLines([{ a: 1 }, { a: 'x' }]), { output: output(), ...options }),
    ).rejects.toThrow(/column a is int64 in one sample and string in another/);
    await expect(
      convert(input, { output: output(), ...options, types: { score: 'number' as never } }),
    ).rejects.toThrow(/types\.score: number is not one of/);
  });
});

describe('convert to WebDataset', () => {
  it('packs a folder of images with the classes that ImageFolder gives them', async () => {
    const root = output();
    const image = readFileSync(fixture('../images/color.png'));
    for (const name of ['dogs/1.png', 'dogs/my.dog.png', 'cats/deep/9.png', 'birds/0.png']) {
      mkdirSync(join(root, name, '..'), { recursive: true });
      writeFileSync(join(root, name), image);
    }
    const path = output();
    const { samples } = await convert(root, {
      output: path,
      to: 'webdataset',
      shardSamples: 3,
      numWorkers: 2,
    });
    const shards = await WebDataset.open(path);
    const images = await ImageFolder.open(root);
    expect([samples, shards.shardLengths]).toEqual([4, [3, 1]]);
    const labels = new Map(
      Array.from({ length: samples }, (_, k) => [images.path(k).replace(/\.png$/, ''), images.label(k)]),
    );
    for (let index = 0; index < samples; index++) {
      const { __key__, png, cls } = await shards.get(index);
      expect([Buffer.from(png as Uint8Array), cls]).toEqual([
        image,
        labels.get(__key__.replaceAll('_', '.')),
      ]);
      labels.delete(__key__.replaceAll('_', '.'));
    }
    expect(labels.size).toBe(0);
    shards.close();
  });

  it('shuffles the samples, always in the same way, so that a stream does not come class by class', async () => {
    const root = output();
    for (const [k, kind] of ['cat', 'dog', 'owl'].entries()) {
      mkdirSync(join(root, kind), { recursive: true });
      for (let i = 0; i < 20; i++)
        writeFileSync(join(root, kind, `${i}.pgm`), Buffer.from(`P5 1 1 255\n${k}`));
    }
    const orders: (readonly number[])[] = [];
    for (const numWorkers of [0, 1]) {
      const path = output();
      await convert(root, { output: path, to: 'webdataset', shardSamples: 20, numWorkers });
      const shards = await WebDataset.open(path);
      orders.push(Array.from({ length: 60 }, (_, k) => (shards.get(k) as unknown as { cls: number }).cls));
      shards.close();
    }
    expect(orders[0]).toEqual(orders[1]);
    for (const start of [0, 20, 40]) expect(new Set(orders[0]!.slice(start, start + 20)).size).toBe(3);
  });

  it('puts files of one name together, with names of any length', async () => {
    const root = output();
    const long = `${'long/'.repeat(60)}näme`;
    mkdirSync(join(root, long, '..'), { recursive: true });
    for (const name of ['a.txt', 'a.json', 'b.txt', `${long}.txt`])
      writeFileSync(join(root, name), `"${name}"`);
    const path = output();
    await convert(`${root}/**`, { output: path, to: 'webdataset', numWorkers: 0 });
    const shards = await WebDataset.open(path);
    const found = await Promise.all([0, 1, 2].map((index) => shards.get(index)));
    expect(found.sort((a, b) => (a.__key__ < b.__key__ ? -1 : 1))).toEqual([
      { __key__: 'a', json: 'a.json', txt: '"a.txt"' },
      { __key__: 'b', txt: '"b.txt"' },
      { __key__: long, txt: `"${long}.txt"` },
    ]);
    shards.close();
    writeFileSync(join(root, 'Makefile'), '');
    await expect(convert(root, { output: output(), to: 'webdataset' })).rejects.toThrow(
      /without an ending.*Makefile/,
    );
  });
});

describe('an output of convert', () => {
  it('is kept when it is complete, and made again when a byte of it changed', async () => {
    const input = writeLines(texts(50));
    for (const to of ['tokens', 'parquet'] as const) {
      const path = output();
      const options = { output: path, to, tokenizer: 'bytes', shardSamples: 20, numWorkers: 0 } as const;
      const first = await convert(input, options);
      const files = bytesOf(folder);
      expect(await convert(input, options)).toMatchObject({ wasDone: true, samples: 50, files: first.files });
      expect(bytesOf(folder)).toEqual(files);
      expect(await verifyConversion(path)).toEqual({ files: first.files.length, damaged: [] });
      const damaged = to === 'tokens' ? `${path}.bin` : join(path, first.files[1]!.name);
      const bytes = readFileSync(damaged);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(damaged, bytes);
      expect((await verifyConversion(path))?.damaged).toHaveLength(1);
      expect(await convert(input, options)).toMatchObject({ wasDone: false });
      expect(bytesOf(folder)).toEqual(files);
    }
  });

  it('is not replaced by that of another conversion, unless overwrite is set', async () => {
    const input = writeLines(texts(5));
    for (const to of ['tokens', 'parquet'] as const) {
      const path = output();
      await convert(input, { output: path, to, tokenizer: 'bytes', numWorkers: 0 });
      const other = { output: path, to, tokenizer: 'bytes', shardSamples: 2, numWorkers: 0 } as const;
      await expect(convert(input, other)).rejects.toThrow(
        /output exists already and has other content.*overwrite/,
      );
      await convert(input, { ...other, overwrite: true });
      expect(await convert(input, other)).toMatchObject({ wasDone: true });
      utimesSync(input, outputs, outputs);
      await expect(convert(input, other)).rejects.toThrow(/output exists already and has other content/);
    }
  });

  it('continues after a failure, and not with the parts of another conversion', async () => {
    const rows: unknown[] = texts(40);
    rows[33] = { nothing: 1 };
    const input = writeLines(rows);
    const path = output();
    const options = { output: path, tokenizer: 'bytes', shardSamples: 10, numWorkers: 1 } as const;
    await expect(convert(input, options)).rejects.toThrow(/no text in the field text.*index 33/);
    await expect(convert(input, { ...options, shardSamples: 5 })).rejects.toThrow(
      /started and is not finished/,
    );
    truncateSync(`${path}.converting/parts/000001.bin`, 3);
    const done: number[] = [];
    const again = { ...options, onProgress: (progress: { done: number }) => done.push(progress.done) };
    await expect(convert(input, again)).rejects.toThrow(/index 33/);
    // Parts 0 and 2 were whole, part 1 was made again.
    expect(done.slice(0, 2)).toEqual([10, 20]);
    expect(statSync(`${path}.converting/parts/000001.bin`).size).toBeGreaterThan(3);
    await expect(convert(input, { ...options, shardSamples: 5, overwrite: true })).rejects.toThrow(
      /index 33/,
    );
  });

  it('names the options that are wrong', async () => {
    const input = writeLines(texts(1));
    const wrong = { output: output(), tokens: 'bytes', to: 'tokens' } as never;
    await expect(convert(input, wrong)).rejects.toThrow(/tokens: unknown option/);
    await expect(convert(join(folder, 'absent.jsonl'), { output: output() })).rejects.toThrow(
      /absent\.jsonl/,
    );
    writeFileSync(join(folder, 'empty.jsonl'), '');
    await expect(convert(join(folder, 'empty.jsonl'), { output: output() })).rejects.toThrow(
      /has no samples/,
    );
  });
});

/** A value as a list or number that JSON has. */
function simple(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, (element) => simple(element));
  const { shape, data } = (value ?? {}) as { shape?: number[]; data?: ArrayLike<unknown> };
  if (!shape || !data) return value;
  const nest = ([, ...rest]: number[], flat: unknown[]): unknown => {
    if (rest.length === 0) return flat;
    const size = rest.reduce((product, dimension) => product * dimension, 1);
    return Array.from({ length: flat.length / size }, (_, k) =>
      nest(rest, flat.slice(k * size, (k + 1) * size)),
    );
  };
  const { dtype } = value as { dtype?: string };
  const flat = Array.from(data, (element) => (dtype === 'bool' ? element === 1 : simple(element)));
  return shape.length === 0 ? flat[0] : nest(shape, flat);
}
