import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DType } from 'millrace';
import type { IndexedDatasetBuilder } from 'millrace/formats';

/** The folder of `.bin`/`.idx` files that the original wrote. */
export const goldenFolder = fileURLToPath(new URL('../golden/indexed/', import.meta.url));

type Nested = number | Nested[];
type Operation =
  | ['add_item' | 'add_item_numpy', Nested[]]
  | ['add_items', Nested[][]]
  | ['merge', string]
  | ['end_document'];

/** One file pair, what was done to write it, and what the original reads from it. */
export interface IndexedCase {
  name: string;
  impl: 'mmap' | 'legacy';
  dtype: DType;
  ops: Operation[];
  error?: { type: string };
  read?: {
    len: number;
    sizes: number[];
    pointers: number[];
    doc_idx: number[];
    items: Nested[][];
    get?: [number, number, number | null, number[]][];
  };
}

interface TableCase {
  name: string;
  table: [number, number, string][];
}

const cases = (
  JSON.parse(readFileSync(fileURLToPath(new URL('../golden/indexed.json', import.meta.url)), 'utf8')) as {
    cases: (IndexedCase | TableCase)[];
  }
).cases;

export const fileCases = cases.filter((entry): entry is IndexedCase => 'ops' in entry);
export const mappedCases = fileCases.filter(({ impl }) => impl === 'mmap');
export const legacyCases = fileCases.filter(({ impl }) => impl === 'legacy');

/** A table of the golden file by its name. */
export function goldenTable(name: string): [number, number, string][] {
  return cases.filter((entry): entry is TableCase => 'table' in entry).find((entry) => entry.name === name)!
    .table;
}

/** All numbers of nested arrays, in order. */
export const flat = (nested: Nested[]): number[] => nested.flat(8) as number[];

/** Does to a builder what was done to the original. */
export function replay(ops: readonly Operation[], builder: IndexedDatasetBuilder): void {
  for (const op of ops) {
    if (op[0] === 'end_document') builder.endDocument();
    else if (op[0] === 'merge') builder.merge(`${goldenFolder}${op[1]}`);
    else if (op[0] === 'add_items') for (const item of op[1]) builder.addItem(flat(item));
    else builder.addItem(flat(op[1]));
  }
}
