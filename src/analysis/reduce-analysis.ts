import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setOwn } from '../core/record.js';
import { extremes } from '../core/sort-by-value.js';
import { castElements } from '../formats/indexed/cast-elements.js';
import { type IntegerDType, smallestIntegerDtype } from '../formats/indexed/integer-dtype.js';
import type { IndexRange } from '../parts/part-range.js';
import type { ByteSource } from '../storage/byte-source.js';
import type { ObjectStore } from '../storage/object-store.js';
import type { AnalysisDescription } from './analysis-description.js';
import { writeDeepSpeedLayout } from './deepspeed-layout.js';
import { DifficultyFile } from './difficulty-file.js';
import { valueDtypeOf } from './difficulty-file-header.js';
import { DifficultyFileWriter } from './difficulty-file-writer.js';
import { makeFolder, metricPrefix, writeItems } from './index-files.js';
import { mergeParts } from './merge-parts.js';
import { addUp, readSum } from './metric-column.js';
import type { LoadedMetric } from './metric-source.js';
import { type MetricSummary, summarizeMetric } from './metric-summary.js';
import { PartCursor } from './part-cursor.js';
import { readPart, readPartHeader } from './part-file.js';
import { missingPart, type OnSamples, RangeWork, type RangeWorkOptions } from './range-work.js';

/** Settings of a reduce. */
export interface ReduceRequest {
  readonly ranges: readonly IndexRange[];
  /** Memory for reading parts, in bytes. */
  readonly mergeBytes: number;
}

/** Input of a reduce. */
type ReduceOptions = ReduceRequest & RangeWorkOptions & { readonly work: RangeWork };

/** Results of all metrics. */
export interface ReducedMetrics {
  /** Summaries of the metrics of kind `value`. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** Sums of the metrics of kind `count`. */
  readonly counts: Readonly<Record<string, readonly number[]>>;
}

/**
 * Merges the parts of all ranges and writes the results. Memory is that of the open parts.
 *
 * @throws {@link FormatError} if a part is damaged, {@link StorageError} if one is missing.
 */
export async function reduceAnalysis(
  work: RangeWork,
  request: ReduceRequest,
  onSamples: OnSamples,
): Promise<ReducedMetrics> {
  const options = { ...request, ...work.options, work };
  const { store, metrics, description } = options;
  // Unfinished files are stored with the parts and removed with them.
  const parent = store.folder ? join(store.folder, RangeWork.folder(description)) : tmpdir();
  makeFolder(parent);
  const folder = mkdtempSync(join(parent, 'millrace-reduce-'));
  try {
    const summaries: Record<string, MetricSummary> = {};
    const counts: Record<string, readonly number[]> = {};
    for (const metric of metrics) {
      if (metric.kind === 'value')
        setOwn(summaries, metric.name, await reduceValues(folder, metric, options, onSamples));
      else setOwn(counts, metric.name, await reduceCounts(folder, metric, options));
    }
    await publish(folder, store);
    return { metrics: summaries, counts };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Path of the native index of a metric. */
export function difficultyPath(folder: string, metric: string): string {
  return `${metricPrefix(folder, metric)}.difficulty`;
}

async function reduceValues(
  folder: string,
  { name, scale }: LoadedMetric,
  options: ReduceOptions,
  onSamples: OnSamples,
): Promise<MetricSummary> {
  const { description } = options;
  const { layout, deepSpeedParts } = description;
  const path = difficultyPath(folder, name);
  const cursors = await openCursors(name, options);
  try {
    await writeDifficulty(path, cursors, { metric: name, scale, description, options }, onSamples);
  } finally {
    for (const cursor of cursors) cursor.close();
  }
  const file = DifficultyFile.openSync(path);
  try {
    if (layout !== 'native') writeDeepSpeedLayout(folder, file, deepSpeedParts);
    return summarizeMetric(file);
  } finally {
    file.close();
    if (layout === 'deepspeed') rmSync(path);
  }
}

interface MetricFacts {
  readonly metric: string;
  readonly scale: number;
  readonly description: AnalysisDescription;
  readonly options: ReduceOptions;
}

async function writeDifficulty(
  path: string,
  cursors: readonly PartCursor[],
  { metric, scale, description, options }: MetricFacts,
  onSamples: OnSamples,
): Promise<void> {
  const headers = cursors.map(({ header }) => header);
  const min = Math.min(...headers.map((header) => header.min));
  const max = Math.max(...headers.map((header) => header.max));
  const isWhole = headers.every((header) => header.isWhole);
  const { samples, dataset } = description;
  const valueDtype = valueDtypeOf(min, max, isWhole);
  const writer = new DifficultyFileWriter(path, { metric, dataset, samples, min, max, scale, valueDtype });
  try {
    for (const range of options.ranges) writer.addValues(await valuesOf(metric, range, options));
    await mergeParts(cursors, writer, onSamples);
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
}

async function openCursors(metric: string, options: ReduceOptions): Promise<PartCursor[]> {
  const { ranges, mergeBytes } = options;
  const cursors: PartCursor[] = [];
  try {
    for (const [part, range] of ranges.entries()) {
      const source = await openPart(metric, range, options);
      const header = await readPartHeader(source, range[1] - range[0]);
      cursors.push(new PartCursor(source, header, part, range[0], mergeBytes / ranges.length));
    }
    return cursors;
  } catch (error) {
    for (const cursor of cursors) cursor.close();
    throw error;
  }
}

/** Returns the values of a part in the order of the samples. */
async function valuesOf(metric: string, range: IndexRange, options: ReduceOptions): Promise<Float64Array> {
  const source = await openPart(metric, range, options);
  try {
    const { distinct, ids, counts } = await readPart(source, range[1] - range[0]);
    const values = new Float64Array(ids.length);
    for (let row = 0, next = 0; row < distinct.length; row++)
      for (const end = next + counts[row]!; next < end; next++) values[ids[next]!] = distinct[row]!;
    return values;
  } finally {
    source.close();
  }
}

async function openPart(
  metric: string,
  range: IndexRange,
  { work, store }: ReduceOptions,
): Promise<ByteSource> {
  const name = work.partName(metric, range);
  const source = await store.open(name);
  if (source) return source;
  throw missingPart(store, name);
}

/** Writes DeepSpeed's file of a sum, and returns the sum. */
async function reduceCounts(folder: string, loaded: LoadedMetric, options: ReduceOptions): Promise<number[]> {
  let sums: Float64Array | undefined;
  for (const range of options.ranges) {
    const source = await openPart(loaded.name, range, options);
    const bytes = await source.read(0, source.byteLength);
    source.close();
    sums = addUp(sums, readSum(source.name, bytes), loaded.name);
  }
  const wrapped = wrap(sums ?? new Float64Array(), loaded);
  const { min, max } = wrapped.length > 0 ? extremes(wrapped) : { min: 0, max: 0 };
  makeFolder(join(folder, loaded.name));
  writeItems(`${metricPrefix(folder, loaded.name)}_metric_value`, smallestIntegerDtype(min, max), {
    flat: wrapped,
    lengths: [wrapped.length],
    documentEnds: [1],
  });
  return [...wrapped];
}

/** Wraps sums around to the integer range of the metric's dtype. */
function wrap(sums: Float64Array, { metric }: LoadedMetric): Float64Array {
  const dtype: IntegerDType = metric.dtype ?? 'int64';
  return Float64Array.from(castElements(sums, dtype) as ArrayLike<number>, Number);
}

/** Moves the finished files to the store. */
async function publish(folder: string, store: ObjectStore): Promise<void> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
  // An old index would describe the new data.
  for (const name of files.filter((file) => file.endsWith('.idx'))) await store.remove(name);
  for (const name of files) await store.putFile(name, join(folder, name));
}
