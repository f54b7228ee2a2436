import { rmSync } from 'node:fs';
import { makeFolder, metricPrefix, writeItems } from '../analysis/index-files.js';
import { splitIndex } from '../analysis/split-index.js';
import { isBigIntDType } from '../core/dtype.js';
import { FormatError, ParityError } from '../core/errors.js';
import { extremes, type SamplesByValue, sortByValue } from '../core/sort-by-value.js';
import { type IntegerDType, smallestIntegerDtype } from '../formats/indexed/integer-dtype.js';
import type { AnalyzerMetric, AnalyzerSettings } from './data-analyzer-options.js';
import { writeIndexFiles } from './index-files.js';
import { type MappedValues, readMappedSum, readValues, readValuesOnly } from './map-part.js';
import { type MapPartId, partFolder } from './map-part-files.js';
import { readCsvRows } from './original-map-files.js';

/** Whether map and reduce exchange DeepSpeed's files. Its distributed analyzer has none. */
export function keepsOriginalFiles({ parity, docIndex }: AnalyzerSettings): boolean {
  return parity && docIndex === 'merged';
}

/**
 * Merges the parts of one metric and writes its index or its sum.
 *
 * @param samples - Length of the dataset.
 * @throws {@link StorageError} if a part is missing, {@link FormatError} if the parts do not cover the dataset.
 */
export function reduceMetric(metric: AnalyzerMetric, settings: AnalyzerSettings, samples: number): void {
  const parts = mapParts(settings);
  if (metric.type === 'accumulate_value_over_samples') reduceSum(metric, settings, parts);
  else if (keepsOriginalFiles(settings)) reduceOriginalFiles(metric, settings, parts, samples);
  else reduceValues(metric, settings, parts, samples);
  if (!settings.parity || settings.docIndex === 'merged') return;
  // The distributed analyzer writes only its result.
  for (const part of parts)
    rmSync(partFolder(settings.savePath, metric.name, part), { recursive: true, force: true });
}

function reduceValues(
  metric: AnalyzerMetric,
  settings: AnalyzerSettings,
  parts: readonly MapPartId[],
  samples: number,
): void {
  const { savePath, docIndex, numThreadsReduce, parity } = settings;
  const mapped = readValues(savePath, metric.name, parts);
  checkCount(metric, settings, mapped.values.length, samples);
  const { values, ids } = docIndex === 'plain' ? byId(mapped) : mapped;
  const rows = sortByValue(values, ids);
  const { min, max } = extremes(ids);
  const ofDataset = smallestIntegerDtype(0, samples - 1);
  const idDtype =
    docIndex === 'plain'
      ? smallestIntegerDtype(min, max)
      : smallestIntegerDtype(0, Math.max(samples - 1, max));
  writeIndexFiles(savePath, {
    metric: metric.name,
    values: mapped.values,
    rows,
    idDtype,
    mergedIdDtype: parity ? ofDataset : idDtype,
    docIndex,
    partEnds: partEnds(mapped.partSizes, rows, numThreadsReduce),
  });
}

/** Same as {@link reduceValues}, but reads DeepSpeed's intermediate files and writes those of each reduce part. */
function reduceOriginalFiles(
  metric: AnalyzerMetric,
  settings: AnalyzerSettings,
  parts: readonly MapPartId[],
  samples: number,
): void {
  const { savePath, numThreadsReduce } = settings;
  const { values, partSizes } = readValuesOnly(savePath, metric.name, parts);
  checkCount(metric, settings, values.length, samples);
  const rows = readCsvRows(savePath, metric.name, parts, values);
  if (Math.min(parts.length, rows.distinct.length) < numThreadsReduce) throw emptyReducePart(metric);
  checkCount(metric, settings, rows.ids.length, samples);
  const idDtype: IntegerDType = smallestIntegerDtype(0, samples - 1);
  writeIndexFiles(savePath, {
    metric: metric.name,
    values,
    rows,
    idDtype,
    mergedIdDtype: idDtype,
    docIndex: 'merged',
    partEnds: partEnds(partSizes, rows, numThreadsReduce),
    keepParts: true,
  });
}

function reduceSum(
  metric: AnalyzerMetric,
  { savePath }: AnalyzerSettings,
  parts: readonly MapPartId[],
): void {
  const { name, dtype } = metric;
  const exact = Array.from<number | bigint, bigint>(readMappedSum(savePath, metric, parts), BigInt);
  const least = exact.reduce((a, b) => (b < a ? b : a), exact[0] ?? 0n);
  const most = exact.reduce((a, b) => (b > a ? b : a), exact[0] ?? 0n);
  makeFolder(`${savePath}/${name}`);
  writeItems(`${metricPrefix(savePath, name)}_metric_value`, smallestIntegerDtype(least, most), {
    flat: isBigIntDType(dtype) ? exact : exact.map(Number),
    lengths: [exact.length],
    documentEnds: [1],
  });
}

/** All parts, in the order of the map. */
function mapParts({ numWorkers, numThreads }: AnalyzerSettings): MapPartId[] {
  return Array.from({ length: numWorkers * numThreads }, (_, part) => ({
    worker: Math.floor(part / numThreads),
    thread: part % numThreads,
  }));
}

function checkCount(
  metric: AnalyzerMetric,
  { savePath }: AnalyzerSettings,
  count: number,
  samples: number,
): void {
  if (count === samples) return;
  throw new FormatError(`The map wrote ${count} values for ${samples} samples`, {
    where: { metric: metric.name, file: metricPrefix(savePath, metric.name) },
    next: 'Run the map of every worker and thread, with the same dataset, numWorkers and numThreads.',
  });
}

/** The pairs of value and id, by ascending id. */
function byId({ values, ids }: MappedValues): { readonly values: Float64Array; readonly ids: Float64Array } {
  const positions = Float64Array.from(ids.keys());
  const order = sortByValue(ids, positions).ids;
  return {
    values: Float64Array.from(order, (position) => values[position]!),
    ids: Float64Array.from(order, (position) => ids[position]!),
  };
}

/** Ends of the reduce parts: DeepSpeed assigns whole map parts, and distinct values, to each. */
function partEnds(partSizes: readonly number[], { distinct }: SamplesByValue, reduceParts: number) {
  let end = 0;
  const samples = splitIndex(0, partSizes.length, reduceParts).map(([first, last]) => {
    for (const size of partSizes.slice(first, last)) end += size;
    return end;
  });
  return { samples, values: splitIndex(0, distinct.length, reduceParts).map(([, last]) => last) };
}

function emptyReducePart({ name }: AnalyzerMetric): ParityError {
  return new ParityError('A part of the reduce is empty, which fails in DeepSpeed', {
    where: { original: 'AssertionError', metric: name },
    next: 'Use at most as many reduce parts as there are parts of the map and distinct values, or turn parity off.',
  });
}
