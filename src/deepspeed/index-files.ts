import { join } from 'node:path';
import {
  type DocIndex,
  type Items,
  lengthsOf,
  makeFolder,
  metricPrefix,
  writeItems,
} from '../analysis/index-files.js';
import { extremes, type SamplesByValue } from '../core/sort-by-value.js';
import { type IntegerDType, smallestIntegerDtype } from '../formats/indexed/integer-dtype.js';

/** The difficulty index of one metric, in memory. */
export interface MetricIndex {
  readonly metric: string;
  /** Shape `[n]`: the value of each sample, in the order of the map. */
  readonly values: Float64Array;
  readonly rows: SamplesByValue;
  readonly idDtype: IntegerDType;
  /** Dtype of the ids in the percentile file. */
  readonly mergedIdDtype: IntegerDType;
  readonly docIndex: DocIndex;
  /** Ends of the reduce parts, in samples and in distinct values. Used by `'merged'`. */
  readonly partEnds: { readonly samples: readonly number[]; readonly values: readonly number[] };
  /** Writes the files of each reduce part too, `…_thread<part>`, as DeepSpeed does. @defaultValue `false` */
  readonly keepParts?: boolean;
}

/** Distinct values of a metric that share one item of the percentile file. */
const percentileItems = 100;

/**
 * Writes the four `.bin`/`.idx` pairs of a difficulty index, byte for byte as DeepSpeed: `<metric>_sample_to_metric`,
 * `_index_to_sample`, `_index_to_metric` and `_index_to_sample_percentile_merged`.
 *
 * @throws {@link StorageError} if a file cannot be written.
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

/** Writes each document except the last, empty one as its own pair of files. */
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

/**
 * Lengths of the percentile items: 100 to 199 of them, each with equally many adjacent values; fewer if there are
 * fewer values.
 */
function percentileLengths(counts: Float64Array): Float64Array {
  const step = Math.max(1, Math.floor(counts.length / percentileItems));
  const lengths = new Float64Array(Math.ceil(counts.length / step));
  counts.forEach((count, row) => {
    lengths[Math.floor(row / step)]! += count;
  });
  return lengths;
}
