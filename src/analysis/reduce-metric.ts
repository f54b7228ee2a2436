import { rmSync } from 'node:fs';
import { isBigIntDType } from '../core/dtype.js';
import { FormatError, ParityError } from '../core/errors.js';
import { extremes, type SamplesByValue, sortByValue } from '../core/sort-by-value.js';
import { type IntegerDType, smallestIntegerDtype } from '../formats/indexed/integer-dtype.js';
import type { AnalyzerMetric, AnalyzerSettings } from './data-analyzer-options.js';
import { makeFolder, metricPrefix, writeIndexFiles, writeItems } from './index-files.js';
import { type MappedValues, readSum, readValues, readValuesOnly } from './map-part.js';
import { readCsvRows } from './original-part-files.js';
import { type PartPlace, partFolder } from './part-files.js';
import { splitIndex } from './split-index.js';

/** Whether the files between map and reduce are DeepSpeed's. Its distributed analyzer has none. */
export function keepsOriginalFiles({ parity, docIndex }: AnalyzerSettings): boolean {
  return parity && docIndex === 'merged';
}

/**
 * Puts the parts of one metric together and writes its index or its sum.
 *
 * @param samples - Length of the dataset.
 * @throws {@link StorageError} when a part is missing, {@link FormatError} when the parts do not cover the dataset.
 */
export function reduceMetric(metric: AnalyzerMetric, settings: AnalyzerSettings, samples: number): void {
  const places = placesOf(settings);
  if (metric.type === 'accumulate_value_over_samples') reduceSum(metric, settings, places);
  else if (keepsOriginalFiles(settings)) reduceOriginalFiles(metric, settings, places, samples);
  else reduceValues(metric, settings, places, samples);
  if (!settings.parity || settings.docIndex === 'merged') return;
  // The distributed analyzer leaves its result alone.
  for (const place of places)
    rmSync(partFolder(settings.savePath, metric.name, place), { recursive: true, force: true });
}

function reduceValues(
  metric: AnalyzerMetric,
  settings: AnalyzerSettings,
  places: readonly PartPlace[],
  samples: number,
): void {
  const { savePath, docIndex, numThreadsReduce, parity } = settings;
  const mapped = readValues(savePath, metric.name, places);
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

/** As {@link reduceValues}, from DeepSpeed's files and with DeepSpeed's files for each reduce part. */
function reduceOriginalFiles(
  metric: AnalyzerMetric,
  settings: AnalyzerSettings,
  places: readonly PartPlace[],
  samples: number,
): void {
  const { savePath, numThreadsReduce } = settings;
  const { values, partSizes } = readValuesOnly(savePath, metric.name, places);
  checkCount(metric, settings, values.length, samples);
  const rows = readCsvRows(savePath, metric.name, places, values);
  if (Math.min(places.length, rows.distinct.length) < numThreadsReduce) throw emptyReducePart(metric);
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
  places: readonly PartPlace[],
): void {
  const { name, dtype } = metric;
  const exact = Array.from(readSum(savePath, metric, places) as ArrayLike<number | bigint>, BigInt);
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
function placesOf({ numWorkers, numThreads }: AnalyzerSettings): PartPlace[] {
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
    next: 'Run the map of every worker and thread, with the same dataset and the same numbers of them.',
  });
}

/** The same pairs, ids ascending. */
function byId({ values, ids }: MappedValues): { readonly values: Float64Array; readonly ids: Float64Array } {
  const places = Float64Array.from(ids.keys());
  const order = sortByValue(ids, places).ids;
  return {
    values: Float64Array.from(order, (place) => values[place]!),
    ids: Float64Array.from(order, (place) => ids[place]!),
  };
}

/** Where the reduce parts end: DeepSpeed deals out whole parts of the map, and distinct values. */
function partEnds(partSizes: readonly number[], { distinct }: SamplesByValue, reduceParts: number) {
  let end = 0;
  const samples = splitIndex(0, partSizes.length, reduceParts).map(([first, last]) => {
    for (const size of partSizes.slice(first, last)) end += size;
    return end;
  });
  return { samples, values: splitIndex(0, distinct.length, reduceParts).map(([, last]) => last) };
}

function emptyReducePart({ name }: AnalyzerMetric): ParityError {
  return new ParityError('A part of the reduce has nothing to do, which fails in DeepSpeed', {
    where: { original: 'AssertionError', metric: name },
    next: 'Use at most as many reduce parts as there are parts of the map and distinct values, or leave out parity.',
  });
}
