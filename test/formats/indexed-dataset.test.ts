import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { DataLoader } from 'millrace';
import { FormatError, TruncatedFileError } from 'millrace/errors';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';
import { TokenWindows } from 'millrace/tokens';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeLegacyArrays } from '../../dist/formats/indexed/indexed-dataset-legacy.js';
import { fileCases, flat, goldenFolder, legacyCases, mappedCases } from './indexed-golden.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-indexed-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const numbers = (data: Iterable<number | bigint>) => Array.from(data, Number);

/** Writes a pair whose index is that of a golden case, changed at one place. */
function damagedPair(name: string, change: (index: Buffer) => Buffer, dataBytes?: number): string {
  const prefix = join(folder, 'pair');
  const data = readFileSync(`${goldenFolder}${name}.bin`);
  writeFileSync(`${prefix}.idx`, change(readFileSync(`${goldenFolder}${name}.idx`)));
  writeFileSync(`${prefix}.bin`, data.subarray(0, dataBytes));
  return prefix;
}

describe('IndexedDataset reads what DeepSpeed wrote', () => {
  const readable = fileCases.filter(({ read }) => read);

  it.each(readable)('$name: every item, in its dtype', async ({ name, dtype, read }) => {
    for (const set of [
      IndexedDataset.openSync(goldenFolder + name),
      await IndexedDataset.open(goldenFolder + name),
    ]) {
      expect([set.length, set.dtype]).toEqual([read!.len, dtype]);
      expect(read!.items.map((_, i) => numbers(set.get(i).data))).toEqual(read!.items.map(flat));
      expect(numbers(set.readTokens(0, set.tokenCount))).toEqual(read!.items.flatMap(flat));
      set.close();
    }
  });

  it.each(mappedCases.filter(({ read }) => read))(
    '$name: the index, and parts of items',
    ({ name, read }) => {
      const set = IndexedDataset.openSync(goldenFolder + name);
      expect(set.sizes).toEqual(Int32Array.from(read!.sizes));
      expect(set.pointers).toEqual(Float64Array.from(read!.pointers));
      expect(set.documentIndex).toEqual(Float64Array.from(read!.doc_idx));
      for (const [item, offset, length, values] of read!.get!) {
        expect(numbers(set.read(item, offset, length ?? undefined).data)).toEqual(values);
      }
      set.close();
    },
  );

  it.each(legacyCases)(
    '$name: the older format as it is stored, and items with their shapes',
    ({ name, read }) => {
      const raw = decodeLegacyArrays({
        bytes: new Uint8Array(readFileSync(`${goldenFolder}${name}.idx`)),
        file: name,
        dataFile: name,
        dataBytes: 0,
        dtypeTable: 'auto',
      });
      expect(numbers(raw.dimensions)).toEqual(read!.sizes);
      expect(numbers(raw.dataOffsets)).toEqual(read!.pointers);
      expect(numbers(raw.documentIndex)).toEqual(read!.doc_idx);
      const set = IndexedDataset.openSync(goldenFolder + name);
      const shapeOf = (value: unknown): number[] =>
        Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
      expect(read!.items.map((_, i) => set.get(i).shape)).toEqual(read!.items.map(shapeOf));
      set.close();
    },
  );

  it('turns the document boundaries of the older format into items', () => {
    const set = IndexedDataset.openSync(`${goldenFolder}legacy_int32`);
    expect(numbers(set.documentIndex)).toEqual([0, 1, 2]);
    expect([numbers(set.sizes), numbers(set.pointers)]).toEqual([
      [3, 4],
      [0, 12],
    ]);
    set.close();
  });

  it('opens a dataset without items, which the original cannot', () => {
    const set = IndexedDataset.openSync(`${goldenFolder}empty_int32`);
    expect([set.length, set.tokenCount, set.dtype, numbers(set.documentIndex)]).toEqual([
      0,
      0,
      'int32',
      [0, 0],
    ]);
    expect(() => set.get(0)).toThrow(/no sample 0.*It is empty/);
    set.close();
  });
});

describe('IndexedDataset', () => {
  it('takes either file, a file: URL and the bare prefix for a name', () => {
    const name = `${goldenFolder}rows_int32`;
    for (const given of [name, `${name}.bin`, `${name}.idx`, pathToFileURL(name), pathToFileURL(name).href]) {
      const set = IndexedDataset.openSync(given);
      expect(set.prefix).toBe(name);
      set.close();
    }
  });

  it('refuses items and parts that are not there', () => {
    const set = IndexedDataset.openSync(`${goldenFolder}rows_int32`);
    const outside = expect.objectContaining({ code: 'ERR_MILLRACE_INDEX_RANGE' });
    for (const index of [-1, 6, 1.5, Number.NaN]) expect(() => set.get(index)).toThrow(outside);
    for (const [offset, length] of [
      [4, undefined],
      [0, 4],
      [-1, 1],
      [2, 2],
      [0.5, 1],
    ] as const) {
      expect(() => set.read(0, offset, length)).toThrow(outside);
    }
    expect(() => set.readTokens(14, 2)).toThrow(outside);
    set.close();
  });

  it('has a fingerprint that depends on the index and not on where the files are', () => {
    const here = damagedPair('rows_int32', (index) => index);
    const prints = [here, `${goldenFolder}rows_int32`, `${goldenFolder}rows_uint32`].map((prefix) => {
      const set = IndexedDataset.openSync(prefix);
      set.close();
      return set.fingerprint();
    });
    expect(prints[0]).toBe(prints[1]);
    expect(prints[1]).not.toBe(prints[2]);
  });

  it('feeds token windows', () => {
    const set = IndexedDataset.openSync(`${goldenFolder}many_rows_uint16`);
    const windows = new TokenWindows(set, { length: 16 });
    const tokens = numbers(set.readTokens(0, set.tokenCount));
    expect(windows.length).toBe(Math.floor((tokens.length - 17) / 16) + 1);
    expect(numbers(windows.get(3).x.data)).toEqual(tokens.slice(48, 64));
    expect(numbers(windows.get(3).y.data)).toEqual(tokens.slice(49, 65));
    set.close();
  });

  it('gives the same batches with two workers as with none', async () => {
    const prefix = join(folder, 'pairs');
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint16' });
    for (let i = 0; i < 50; i++) builder.addItem([i, i * i]);
    builder.finalize();
    const batchesWith = async (numWorkers: number) => {
      const set = await IndexedDataset.open(prefix);
      const loader = new DataLoader(set, { batchSize: 8, shuffle: true, seed: 5, numWorkers });
      const batches: number[][] = [];
      for await (const batch of loader) batches.push(numbers(batch.data));
      await loader.close();
      set.close();
      return batches;
    };
    const alone = await batchesWith(0);
    expect(alone.flat().length).toBe(100);
    expect(await batchesWith(2)).toEqual(alone);
  });
});

describe('IndexedDataset refuses what is damaged', () => {
  it('finds a file that was cut at any byte', () => {
    const cases = mappedCases.filter(({ read }) => read && read.items.flat().length > 0);
    fc.assert(
      fc.property(
        fc.constantFrom(...cases, ...legacyCases),
        fc.boolean(),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        (entry, cutIndex, part) => {
          const full = readFileSync(`${goldenFolder}${entry.name}${cutIndex ? '.idx' : '.bin'}`).length;
          const kept = Math.floor(part * full);
          const prefix = damagedPair(
            entry.name,
            (index) => (cutIndex ? index.subarray(0, kept) : index),
            cutIndex ? undefined : kept,
          );
          // What is left of an index below nine bytes may not even show its magic.
          const expected = cutIndex && kept < 9 ? FormatError : TruncatedFileError;
          const file = `${prefix}${cutIndex ? '.idx' : '.bin'}`;
          expect(() => IndexedDataset.openSync(prefix)).toThrow(expected);
          expect(() => IndexedDataset.openSync(prefix)).toThrow(
            expect.objectContaining({
              where: expect.objectContaining({ file, byteOffset: expect.any(Number) }),
            }),
          );
        },
      ),
    );
  });

  it('names the first item that the data does not hold', () => {
    const prefix = damagedPair('rows_int32', (index) => index, 20);
    const where = { file: `${prefix}.bin`, byteOffset: 12, item: 1, needed: 20, found: 8, dtype: 'int32' };
    expect(() => IndexedDataset.openSync(prefix)).toThrow(expect.objectContaining({ where }));
  });

  it('names the item when the data was cut after it was opened', () => {
    const prefix = damagedPair('rows_int32', (index) => index);
    const set = IndexedDataset.openSync(prefix);
    truncateSync(`${prefix}.bin`, 20);
    expect(numbers(set.get(0).data)).toEqual([1, 2, 3]);
    const where = { file: `${prefix}.bin`, byteOffset: 12, item: 1, needed: 20, found: 8 };
    expect(() => set.get(1)).toThrow(expect.objectContaining({ code: 'ERR_MILLRACE_TRUNCATED_FILE', where }));
    set.close();
  });

  const patch = (byteOffset: number, value: number) => (index: Buffer) => {
    index[byteOffset] = value;
    return index;
  };

  it.each([
    ['wrong magic', patch(0, 0x4e), { byteOffset: 0, magic: '"NMIDIDX\\u0000\\u0000"' }],
    ['unknown version', patch(9, 7), { byteOffset: 9, version: 7n }],
    ['unknown type code', patch(17, 9), { byteOffset: 17, code: 9 }],
    ['negative length', patch(37, 0x80), { byteOffset: 34, item: 0 }],
    ['item that does not follow the one before', patch(34 + 24 + 8, 13), { byteOffset: 66, item: 1 }],
    ['document boundary beyond the items', patch(34 + 72 + 16, 7), { byteOffset: 122 }],
  ])('says where: %s', async (_, change, place) => {
    const prefix = damagedPair('rows_int32', change);
    const opening = IndexedDataset.open(prefix);
    await expect(opening).rejects.toBeInstanceOf(FormatError);
    await expect(opening).rejects.toMatchObject({ where: { file: `${prefix}.idx`, ...place } });
  });

  it('names the file that is missing', () => {
    const prefix = damagedPair('rows_int32', (index) => index);
    rmSync(`${prefix}.bin`);
    expect(() => IndexedDataset.openSync(prefix)).toThrow(/no such file.*pair\.bin/);
    expect(() => IndexedDataset.openSync(join(folder, 'absent'))).toThrow(/no such file.*absent\.idx/);
  });

  it('refuses an unknown option', () => {
    expect(() =>
      IndexedDataset.openSync(`${goldenFolder}rows_int8`, { dtypeTabel: 'auto' } as never),
    ).toThrow(/dtypeTabel: unknown option, did you mean dtypeTable/);
  });
});

describe('dtypeTable', () => {
  const itemLengths = fc.array(fc.nat(5), { maxLength: 8 });

  it.each([
    ['deepspeed', 'uint16'],
    ['deepspeed', 'uint32'],
    ['deepspeed', 'uint64'],
    ['megatron', 'uint16'],
    ['megatron', 'float64'],
  ] as const)("'auto' recognizes %s's %s by spacing or by the length of the data", (dtypeTable, dtype) => {
    fc.assert(
      fc.property(itemLengths, (lengths) => {
        fc.pre(lengths.some((length) => length > 0));
        const prefix = join(folder, 'auto');
        const builder = new IndexedDatasetBuilder(prefix, { dtype, dtypeTable });
        for (const length of lengths) builder.addItem(new Array<number>(length).fill(3));
        builder.finalize();
        const set = IndexedDataset.openSync(prefix);
        expect(set.dtype).toBe(dtype);
        set.close();
      }),
      { numRuns: 25 },
    );
  });

  it('asks which layout to use where both fit, and takes the one that is named', () => {
    const prefix = join(folder, 'tie');
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'float32', dtypeTable: 'megatron' });
    builder.addItem([0.5, -2]);
    builder.finalize();
    const dtypeUnder = (dtypeTable: 'auto' | 'deepspeed' | 'megatron') => {
      const set = IndexedDataset.openSync(prefix, { dtypeTable });
      set.close();
      return set.dtype;
    };
    expect(() => dtypeUnder('auto')).toThrow(/dtypeTable/);
    expect(dtypeUnder('deepspeed')).toBe('uint32');
    expect(dtypeUnder('megatron')).toBe('float32');
  });

  it('refuses a table whose element size the index contradicts', () => {
    expect(() => IndexedDataset.openSync(`${goldenFolder}rows_uint64`, { dtypeTable: 'megatron' })).toThrow(
      /starts at byte 24; those before it end at byte 6.*dtypeTable/,
    );
  });
});
