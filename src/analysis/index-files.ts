import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../core/errors.js';
import { extremes, type SamplesByValue } from '../core/sort-by-value.js';
import type { Elements } from '../formats/indexed/cast-elements.js';
import { IndexedDatasetBuilder } from '../formats/indexed/indexed-dataset-builder.js';
import type { IntegerDType } from '../formats/indexed/integer-dtype.js';
import { smallestIntegerDtype } from '../formats/indexed/integer-dtype.js';

/**
 * What stands in the document index of the files, which no reader of a difficulty index looks at. `'merged'`: a boundary
 * after each reduce part and one more at the end, as DeepSpeed's `DataAnalyzer` leaves them. `'plain'`: one document, as its
 * `DistributedDataAnalyzer`.
 */
export type DocIndex = 'merged' | 'plain';

/** The difficulty index of one metric, in memory. */
export interface MetricIndex {
  readonly metric: string;
  /** Shape `[n]`: the value of each sample, in the order of the map. */
  readonly values: Float64Array;
  readonly rows: SamplesByValue;
  readonly idDtype: IntegerDType;
  /** That of the percentile file. */
  readonly mergedIdDtype: IntegerDType;
  readonly docIndex: DocIndex;
  /** Where reduce parts end among the samples and among the distinct values. Used by `'merged'`. */
  readonly partEnds: { readonly samples: readonly number[]; readonly values: readonly number[] };
  /** Whether each reduce part also leaves files of its own, `…_thread<part>`, as DeepSpeed's do. @defaultValue `false` */
  readonly keepParts?: boolean;
}

/** Distinct values of a metric that share one item of the percentile file. */
const percentileItems = 100;

/** Where the files of a metric lie, without what tells them apart: `<folder>/<metric>/<metric>`. */
export function metricPrefix(folder: string, metric: string): string {
  return join(folder, metric, metric);
}

/**
 * Writes the four `.bin`/`.idx` pairs of a difficulty index, byte for byte as DeepSpeed: `<metric>_sample_to_metric`,
 * `_index_to_sample`, `_index_to_metric` and `_index_to_sample_percentile_merged`.
 *
 * @throws {@link StorageError} when the disk refuses.
 */
export function writeIndexFiles(folder: string, index: MetricIndex): void {
  makeFolder(join(folder, index.metric));
  const prefix = metricPrefix(folder, index.metric);
  const { values, rows, idDtype, mergedIdDtype, docIndex, partEnds } = index;
  const { min, max } = extremes(values);
  const metricDtype = smallestIntegerDtype(min, max);
  const documentEnds = (ends: readonly number[], count: number): readonly number[] =>
    docIndex === 'plain' ? [count] : [...ends, count];
  const sampleEnds = documentEnds(partEnds.samples, values.length);
  const valueEnds = documentEnds(partEnds.values, rows.distinct.length);
  const files: readonly [name: string, dtype: IntegerDType, items: Items][] = [
    ['sample_to_metric', metricDtype, { flat: values, documentEnds: sampleEnds }],
    ['index_to_metric', metricDtype, { flat: rows.distinct, documentEnds: valueEnds }],
    ['index_to_sample', idDtype, { flat: rows.ids, lengths: rows.counts, documentEnds: valueEnds }],
  ];
  for (const [name, dtype, items] of files) {
    writeItems(`${prefix}_${name}`, dtype, items);
    if (index.keepParts) writeParts(`${prefix}_${name}`, dtype, items);
  }
  const lengths = percentileLengths(rows.counts);
  const merged = { flat: rows.ids, lengths, documentEnds: [lengths.length] };
  writeItems(`${prefix}_index_to_sample_percentile_merged`, mergedIdDtype, merged);
}

/** Writes each document but the last, which is the end of all, as a pair of its own. */
function writeParts(prefix: string, dtype: IntegerDType, items: Items): void {
  let item = 0;
  let element = 0;
  for (const [part, end] of items.documentEnds.slice(0, -1).entries()) {
    const lengths = lengthsOf(items, item, end);
    const count = lengths.reduce((sum, length) => sum + length, 0);
    const flat = items.flat.slice(element, element + count);
    writeItems(`${prefix}_thread${part}`, dtype, { flat, lengths, documentEnds: [lengths.length] });
    item = end;
    element += count;
  }
}

/** Creates a folder and those above it. @throws {@link StorageError} */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new StorageError('A folder cannot be created', {
      where: { file: path },
      next: 'Choose a place where this user may write.',
      cause,
    });
  }
}

/** Items of a dataset, end to end. */
export interface Items {
  readonly flat: Elements;
  /** Elements of each item. @defaultValue one */
  readonly lengths?: ArrayLike<number>;
  /** Items before the end of each document, ascending. */
  readonly documentEnds: readonly number[];
}

/** Writes one `.bin`/`.idx` pair. @throws {@link StorageError} */
export function writeItems(prefix: string, dtype: IntegerDType, items: Items): void {
  const { flat, documentEnds } = items;
  const builder = new IndexedDatasetBuilder(prefix, { dtype, parity: true });
  try {
    let item = 0;
    let element = 0;
    for (const end of documentEnds) {
      const part = lengthsOf(items, item, end);
      const count = part.reduce((sum, length) => sum + length, 0);
      builder.addItems(flat.slice(element, element + count), part);
      builder.endDocument();
      item = end;
      element += count;
    }
    builder.finalize();
  } catch (error) {
    builder.discard();
    throw error;
  }
}

function lengthsOf({ lengths }: Items, start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => lengths?.[start + i] ?? 1);
}

/** About a hundred items, each of as many neighboring values: between 100 and 199 of them where there are as many values. */
function percentileLengths(counts: Float64Array): Float64Array {
  const step = Math.max(1, Math.floor(counts.length / percentileItems));
  const lengths = new Float64Array(Math.ceil(counts.length / step));
  counts.forEach((count, row) => {
    lengths[Math.floor(row / step)]! += count;
  });
  return lengths;
}
