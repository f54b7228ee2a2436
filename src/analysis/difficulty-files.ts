import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  IndexedDataset,
  IndexedDatasetBuilder,
  type IntegerDType,
  smallestIntegerDtype,
} from '../formats/index.js';
import { sortSamples } from './sorted-samples.js';
import { splitIndex } from './split-index.js';

/** How DeepSpeed's analyzer would have cut the work: it shows in the document indices of its files. */
export interface FileLayout {
  /** Samples of each part of the map, in order. */
  readonly partLengths: readonly number[];
  /** Processes of the reduce. */
  readonly reducers: number;
  /** `merged` has a boundary a reducer and the last one twice; `plain` has none, as DeepSpeed's distributed analyzer. */
  readonly docIndex: 'merged' | 'plain';
}

/** What a metric gave for every sample. */
export interface SampleValues {
  /** Shape `[N]`, whole numbers. */
  readonly values: Float64Array;
  /** Shape `[N]`: which sample each value is of. @defaultValue 0 … N − 1 */
  readonly ids?: Float64Array;
  /** Ids are stored in the smallest dtype for 0 … this − 1. @defaultValue N */
  readonly idLimit?: number;
}

/** Rows of the percentile file: at least 100 where there are as many values. */
const percentileRows = 100;

/**
 * Writes the four file pairs of one metric, byte for byte as DeepSpeed's analyzer does: `sample_to_metric`, `index_to_metric`,
 * `index_to_sample` and `index_to_sample_percentile_merged`, in `<folder>/<metric>/<metric>_…`.
 *
 * @throws {@link StorageError} when a file cannot be written.
 */
export function writeDifficultyFiles(
  folder: string,
  metric: string,
  samples: SampleValues,
  layout: FileLayout,
): void {
  const { values, ids, idLimit = values.length } = samples;
  const sorted = sortSamples(values, ids);
  const [low, high] = [sorted.values[0]!, sorted.values.at(-1)!];
  const valueDtype = smallestIntegerDtype(low, high);
  const idDtype = layout.docIndex === 'plain' ? spanDtype(sorted.ids) : smallestIntegerDtype(0, idLimit - 1);
  const write = (
    file: string,
    dtype: IntegerDType,
    flat: Float64Array,
    lengths: Int32Array,
    chunks: readonly number[],
  ): void => {
    const merged = layout.docIndex === 'merged' && chunks.length > 0;
    writeRows(metricFile(folder, metric, file), dtype, {
      flat,
      lengths,
      chunks: merged ? chunks : [lengths.length],
      merged,
    });
  };
  mkdirSync(join(folder, metric), { recursive: true });
  const parts = splitIndex(0, layout.partLengths.length, layout.reducers);
  const sampleChunks = parts.map(({ start, end }) => sum(layout.partLengths.slice(start, end)));
  const valueChunks = splitIndex(0, sorted.values.length, layout.reducers).map(
    ({ start, end }) => end - start,
  );
  write('sample_to_metric', valueDtype, values, ones(values.length), sampleChunks);
  write('index_to_metric', valueDtype, sorted.values, ones(sorted.values.length), valueChunks);
  write('index_to_sample', idDtype, sorted.ids, sorted.counts, valueChunks);
  write('index_to_sample_percentile_merged', idDtype, sorted.ids, percentileCounts(sorted.counts), []);
}

/** Prefix of one file of a metric. */
export function metricFile(folder: string, metric: string, file: string): string {
  return join(folder, metric, `${metric}_${file}`);
}

/** Reads rows of one number each. */
export function readNumbers(prefix: string): Float64Array {
  const dataset = IndexedDataset.openSync(prefix);
  try {
    return Float64Array.from(dataset.readTokens(0, dataset.tokenCount) as ArrayLike<number>, Number);
  } finally {
    dataset.close();
  }
}

interface Rows {
  readonly flat: Float64Array;
  readonly lengths: Int32Array;
  /** Rows of each chunk. */
  readonly chunks: readonly number[];
  /** Whether the last boundary comes twice, as after DeepSpeed's merge. */
  readonly merged: boolean;
}

/** Writes rows, with a document a chunk. */
export function writeRows(
  prefix: string,
  dtype: IntegerDType,
  { flat, lengths, chunks, merged }: Rows,
): void {
  const builder = new IndexedDatasetBuilder(prefix, { dtype });
  try {
    let row = 0;
    let element = 0;
    for (const rows of chunks) {
      const chunkLengths = lengths.subarray(row, row + rows);
      const elements = sum(chunkLengths);
      builder.addItems(flat.subarray(element, element + elements), chunkLengths);
      builder.endDocument();
      row += rows;
      element += elements;
    }
    if (merged) builder.endDocument();
    builder.finalize();
  } catch (error) {
    builder.discard();
    throw error;
  }
}

function percentileCounts(counts: Int32Array): Int32Array {
  const step = Math.max(1, Math.floor(counts.length / percentileRows));
  return Int32Array.from({ length: Math.ceil(counts.length / step) }, (_, row) =>
    sum(counts.subarray(row * step, (row + 1) * step)),
  );
}

function spanDtype(ids: Float64Array): IntegerDType {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const id of ids) {
    low = Math.min(low, id);
    high = Math.max(high, id);
  }
  return smallestIntegerDtype(low, high);
}

function ones(length: number): Int32Array {
  return new Int32Array(length).fill(1);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
