import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type DType, tensor } from 'millrace';
import { ConfigError, ShapeError } from 'millrace/errors';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goldenFolder, mappedCases, replay } from './indexed-golden.js';

let folder = '';
let prefix = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-builder-'));
  prefix = join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (path: string) => readFileSync(path).toString('hex');

describe('IndexedDatasetBuilder', () => {
  it.each(mappedCases.filter(({ name }) => name !== 'mismatch_merge'))(
    '$name: writes the bytes that DeepSpeed writes',
    ({ name, dtype, ops }) => {
      const builder = new IndexedDatasetBuilder(`${prefix}.bin`, { dtype, parity: true });
      replay(ops, builder);
      builder.finalize(`${prefix}.idx`);
      for (const ending of ['.bin', '.idx']) {
        expect(file(prefix + ending)).toBe(file(goldenFolder + name + ending));
      }
      expect(readdirSync(folder)).toEqual(['out.bin', 'out.idx']);
    },
  );

  it('refuses to merge another dtype', () => {
    const { dtype, ops, error } = mappedCases.find(({ name }) => name === 'mismatch_merge')!;
    expect(error!.type).toBe('AssertionError');
    const builder = new IndexedDatasetBuilder(prefix, { dtype });
    expect(() => replay(ops, builder)).toThrow(ConfigError);
    expect(() => replay(ops, builder)).toThrow(/int16 cannot be merged into one of int64/);
    builder.discard();
  });

  it('writes the last boundary twice when a document is ended after a merge, as DeepSpeed does', () => {
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'int16' });
    builder.merge(`${goldenFolder}rows_int16`);
    builder.endDocument();
    builder.finalize();
    const set = IndexedDataset.openSync(prefix);
    expect([...set.documentIndex]).toEqual([0, 2, 6, 6]);
    set.close();
  });

  it('reads back every item that it was given, one by one or together', () => {
    const dtypes: DType[] = ['uint8', 'int8', 'int16', 'int32', 'int64', 'uint16', 'uint32', 'uint64'];
    const items = fc.array(fc.array(fc.maxSafeInteger(), { maxLength: 6 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...dtypes), items, (dtype, rows) => {
        const single = new IndexedDatasetBuilder(prefix, { dtype, parity: true });
        for (const row of rows) single.addItem(row);
        single.finalize();
        const together = new IndexedDatasetBuilder(`${prefix}2`, { dtype, parity: true });
        together.addItems(
          rows.flat(),
          rows.map((row) => row.length),
        );
        together.finalize();
        const set = IndexedDataset.openSync(`${prefix}2`, { dtypeTable: 'deepspeed' });
        const wrap = (value: number) => wrapped(dtype, value);
        expect(rows.map((_, i) => Array.from<number | bigint, bigint>(set.get(i).data, BigInt))).toEqual(
          rows.map((row) => row.map(wrap)),
        );
        set.close();
        for (const ending of ['.bin', '.idx'])
          expect(file(prefix + ending)).toBe(file(`${prefix}2${ending}`));
      }),
    );
  });

  it.each([
    [new Float32Array([1.9, -1.9]), 'int32', [1, -1]],
    [new BigInt64Array([-1n, 2n ** 40n + 5n]), 'uint16', [65535, 5]],
    [new BigUint64Array([2n ** 64n - 1n]), 'int64', [-1n]],
    [[2n ** 70n + 3n], 'int8', [3]],
    [new Int16Array([-3]), 'uint64', [2n ** 64n - 3n]],
    [tensor(new Int32Array([1, 2, 3, 4]), [2, 2]), 'int64', [1n, 2n, 3n, 4n]],
  ] as const)(
    'casts %o to %s as numpy does with parity, and refuses it without where a value changes',
    (item, dtype, expected) => {
      const strict = new IndexedDatasetBuilder(prefix, { dtype });
      if (item instanceof Object && 'shape' in item) strict.addItem(item);
      else expect(() => strict.addItem(item)).toThrow(/does not fit in/);
      strict.discard();
      const builder = new IndexedDatasetBuilder(prefix, { dtype, parity: true });
      builder.addItem(item);
      builder.finalize();
      const set = IndexedDataset.openSync(prefix, { dtypeTable: 'deepspeed' });
      expect([...set.get(0).data]).toEqual(expected);
      set.close();
    },
  );

  it('refuses what the format cannot hold', () => {
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'int8' });
    expect(() => builder.addItems([1, 2, 3], [1, 1])).toThrow(ShapeError);
    expect(() => builder.addItems([1], [2 ** 31])).toThrow(/2147483648 elements.*Split the item/);
    expect(() => builder.addItems([1], [-1, 2])).toThrow(ShapeError);
    expect(() => builder.addItem([1, Number.NaN])).toThrow(/NaN cannot be stored as int8 \(element 1/);
    expect(builder.length).toBe(0);
    builder.finalize();
    expect(file(`${prefix}.bin`)).toBe('');
  });

  it('refuses a dtype without a code, and unknown options', () => {
    expect(() => new IndexedDatasetBuilder(prefix, { dtype: 'float32' })).toThrow(
      /dtype: float32 is not one of uint8/,
    );
    expect(() => new IndexedDatasetBuilder(prefix, { dtype: 'uint32', dtypeTable: 'megatron' })).toThrow(
      /float64/,
    );
    expect(() => new IndexedDatasetBuilder(prefix, { type: 'int8' } as never)).toThrow(/did you mean dtype/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves an older dataset whole until it is finished, and nothing of itself when given up', () => {
    const first = new IndexedDatasetBuilder(prefix, { dtype: 'int8' });
    first.addItem([1]);
    first.finalize();
    const before = [file(`${prefix}.bin`), file(`${prefix}.idx`)];
    const second = new IndexedDatasetBuilder(prefix, { dtype: 'int8' });
    second.addItem(new Int8Array(3_000_000));
    expect([file(`${prefix}.bin`), file(`${prefix}.idx`)]).toEqual(before);
    second.discard();
    expect([file(`${prefix}.bin`), file(`${prefix}.idx`)]).toEqual(before);
    expect(readdirSync(folder)).toEqual(['out.bin', 'out.idx']);
    expect(() => second.addItem([1])).toThrow(ConfigError);
    expect(() => second.finalize()).toThrow(/finished/);
  });

  it.runIf(existsSync('/dev/full'))(
    'reports a full disk with the file, for the data and for the index',
    () => {
      const full = { code: 'ERR_MILLRACE_STORAGE', where: { file: `${prefix}.bin`, reason: 'ENOSPC' } };
      symlinkSync('/dev/full', `${prefix}.bin`);
      const builder = new IndexedDatasetBuilder(prefix);
      expect(() => builder.addItem(new BigInt64Array(1_000_000))).toThrow(expect.objectContaining(full));
      const other = new IndexedDatasetBuilder(join(folder, 'other'));
      other.addItem([1]);
      symlinkSync('/dev/full', join(folder, 'full.idx'));
      expect(() => other.finalize(join(folder, 'full.idx'))).toThrow(/full\.idx.*ENOSPC.*Make room/);
      expect(readdirSync(folder).sort()).toEqual(['full.idx', 'out.bin']);
    },
  );
});

/** What is left of a number in an integer dtype. */
function wrapped(dtype: DType, value: number): bigint {
  const bits = Number(/\d+/.exec(dtype)![0]);
  return dtype.startsWith('u') ? BigInt.asUintN(bits, BigInt(value)) : BigInt.asIntN(bits, BigInt(value));
}
