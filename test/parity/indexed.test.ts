import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DType, MillraceError } from 'millrace';
import { IndexedDataset, IndexedDatasetBuilder, smallestIntegerDtype } from 'millrace/formats';
import { afterAll, beforeAll, expect } from 'vitest';
import { splitIndex } from '../../dist/analysis/split-index.js';
import { decodeLegacyArrays } from '../../dist/formats/indexed/indexed-dataset-legacy.js';
import { digestOf, type FileDigest } from './digest.js';
import { type CheckCase, goldenFolder, type RecordedError, testEveryCase } from './golden-file.js';

type Nested = number | string | Nested[];
type Operation =
  | ['add_item' | 'add_item_numpy', Nested[]]
  | ['add_items', Nested[][]]
  | ['merge', string]
  | ['end_document'];

/** One pair of files, what was done to write it, and what the original reads from it. */
interface FileCase {
  readonly name: string;
  readonly impl: 'mmap' | 'legacy';
  readonly dtype: DType;
  readonly ops: Operation[];
  readonly error?: RecordedError;
  readonly files?: Record<string, FileDigest>;
  readonly inferred_impl?: string;
  readonly read?: {
    readonly len: number;
    readonly dtype: DType;
    readonly sizes: number[];
    readonly pointers: number[];
    readonly doc_idx: number[];
    readonly items: Nested[][];
    readonly get?: [item: number, offset: number, length: number | null, values: Nested[]][];
    readonly slices: [start: number, stop: number, rows: Nested[][]][];
  };
}

interface TableCase {
  readonly name: 'find_fit_int_dtype' | 'split_index' | 'split_dataset';
  readonly table: unknown[][];
}

const given = join(goldenFolder, 'indexed');
let written: string;
beforeAll(() => {
  written = mkdtempSync(join(tmpdir(), 'millrace-indexed-'));
});
afterAll(() => rmSync(written, { recursive: true }));

/** All numbers of nested arrays, in order. */
const flat = (nested: Nested): bigint[] => (Array.isArray(nested) ? nested.flatMap(flat) : [BigInt(nested)]);
const exact = (data: Iterable<number | bigint>): bigint[] => Array.from(data, BigInt);

function write({ name, dtype, ops }: FileCase): void {
  const builder = new IndexedDatasetBuilder(join(written, name), { dtype, parity: true });
  try {
    for (const op of ops) {
      if (op[0] === 'end_document') builder.endDocument();
      else if (op[0] === 'merge') builder.merge(join(written, op[1]));
      else if (op[0] === 'add_items') for (const item of op[1]) builder.addItem(flat(item));
      else builder.addItem(flat(op[1]));
    }
    builder.finalize();
  } catch (error) {
    builder.discard();
    throw error;
  }
}

function checkReading(prefix: string, { read, impl }: FileCase): void {
  const set = IndexedDataset.openSync(prefix);
  expect([set.length, set.dtype]).toEqual([read!.len, read!.dtype]);
  expect(read!.items.map((_, i) => exact(set.get(i).data))).toEqual(read!.items.map(flat));
  for (const [item, offset, length, values] of read!.get ?? []) {
    expect(exact(set.read(item, offset, length ?? undefined).data)).toEqual(flat(values));
  }
  if (impl === 'mmap') {
    for (const [start, stop, rows] of read!.slices) {
      const own = rows.map((_, i) => exact(set.get(start + i).data));
      expect([own.length, own]).toEqual([stop - start, rows.map(flat)]);
    }
    const { sizes, pointers, documentIndex } = set;
    expect([[...sizes], [...pointers], [...documentIndex]]).toEqual([
      read!.sizes,
      read!.pointers,
      read!.doc_idx,
    ]);
  }
  set.close();
}

/** The older format is read only, so what is in its index is compared as it is stored. */
function checkLegacy(golden: FileCase): void {
  const prefix = join(given, golden.name);
  const stored = decodeLegacyArrays({
    bytes: new Uint8Array(readFileSync(`${prefix}.idx`)),
    file: golden.name,
    dataFile: golden.name,
    dataBytes: 0,
    dtypeTable: 'auto',
  });
  const { sizes, pointers, doc_idx } = golden.read!;
  expect([stored.dimensions, stored.dataOffsets, stored.documentIndex].map((array) => [...array])).toEqual([
    sizes,
    pointers,
    doc_idx,
  ]);
  checkReading(prefix, golden);
}

/** The original writes a dataset without items and cannot open it; Millrace can. */
function checkEmpty(golden: FileCase): void {
  write(golden);
  const set = IndexedDataset.openSync(join(written, golden.name));
  expect([set.tokenCount, set.dtype]).toEqual([0, golden.dtype]);
  set.close();
}

const checkFile: CheckCase<FileCase> = (golden) => {
  if (golden.error?.message === 'cannot mmap an empty file') {
    checkEmpty(golden);
    return;
  }
  if (golden.error) {
    expect(() => write(golden)).toThrow(MillraceError);
    expect(readdirSync(written).filter((file) => file.startsWith(`${golden.name}.`))).toEqual([]);
    return;
  }
  if (golden.impl === 'legacy') {
    checkLegacy(golden);
    return;
  }
  write(golden);
  const prefix = join(written, golden.name);
  const digests = { '.bin': digestOf(`${prefix}.bin`), '.idx': digestOf(`${prefix}.idx`) };
  expect(digests).toEqual(golden.files);
  if (golden.read) checkReading(join(given, golden.name), golden);
};

const tables: Record<TableCase['name'], (row: never) => void> = {
  find_fit_int_dtype: ([least, most, dtype]: [number | string, number | string, DType]) => {
    expect(smallestIntegerDtype(BigInt(least), BigInt(most)), `${least} … ${most}`).toBe(dtype);
  },
  split_index: ([start, end, parts, ranges]: [number, number, number, unknown]) => {
    expect(splitIndex(start, end, parts)).toEqual(ranges);
  },
  split_dataset: ([n, workers, worker, threads, splits]: [number, number, number, number, unknown]) => {
    const ranges = splitIndex(0, n, workers);
    expect([ranges, splitIndex(...ranges[worker]!, threads)]).toEqual(splits);
  },
};

testEveryCase<FileCase | TableCase>('indexed.json', 20, (golden, versions) => {
  if (!('table' in golden)) return checkFile(golden, versions);
  expect(golden.table.length).toBeGreaterThan(0);
  for (const row of golden.table) tables[golden.name](row as never);
});
