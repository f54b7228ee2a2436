import { FormatError } from '../core/errors.js';
import { smallestIntegerDtype } from '../formats/indexed/integer-dtype.js';
import type { DifficultyFile } from './difficulty-file.js';
import type { DocIndex } from './index-files.js';
import { makeFolder, metricPrefix } from './index-files.js';
import { type ItemStream, writeItemStream } from './indexed-file-stream.js';
import { splitIndex } from './split-index.js';

/**
 * How DeepSpeed would have divided the work. It affects only the document index of the files, which readers of a
 * difficulty index ignore.
 */
export interface DeepSpeedParts {
  /** Its `num_workers`. @defaultValue `1` */
  readonly workers?: number;
  /** Its `num_threads`. @defaultValue `1` */
  readonly threads?: number;
  /** Its `num_threads_reduce`. @defaultValue `1` */
  readonly reduceThreads?: number;
  /** @defaultValue `'merged'` */
  readonly docIndex?: DocIndex;
}

const atOnce = 1 << 16;
const percentileItems = 100;

/**
 * Writes DeepSpeed's four `.bin`/`.idx` pairs of a metric from its difficulty file, byte for byte. O(samples) time;
 * memory of one piece.
 *
 * @throws {@link FormatError} for values that are not integers, {@link StorageError} if writing fails.
 */
export function writeDeepSpeedLayout(folder: string, file: DifficultyFile, parts: DeepSpeedParts = {}): void {
  const { metric, samples, rows, min, max, valueDtype } = file.header;
  if (valueDtype === 'float64' && !allWhole(file)) throw notWhole(metric);
  makeFolder(`${folder}/${metric}`);
  const prefix = metricPrefix(folder, metric);
  const metricDtype = smallestIntegerDtype(min, max);
  const idDtype = smallestIntegerDtype(0, samples - 1);
  const ends = documentEnds(samples, rows, parts);
  const ids = () => inPieces(samples, (start, end) => file.samplesBetween(start, end));
  const files: Readonly<Record<string, ItemStream>> = {
    sample_to_metric: {
      dtype: metricDtype,
      items: samples,
      elements: () => inPieces(samples, (start, end) => file.valuesBetween(start, end)),
      lengths: () => ones(samples),
      documentEnds: ends.samples,
    },
    index_to_metric: {
      dtype: metricDtype,
      items: rows,
      elements: () => rowValues(file),
      lengths: () => ones(rows),
      documentEnds: ends.rows,
    },
    index_to_sample: {
      dtype: idDtype,
      items: rows,
      elements: ids,
      lengths: () => rowCounts(file, 1),
      documentEnds: ends.rows,
    },
    index_to_sample_percentile_merged: percentiles(file, { dtype: idDtype, elements: ids }),
  };
  for (const [name, stream] of Object.entries(files)) writeItemStream(`${prefix}_${name}`, stream);
}

/** About a hundred items, each covering equally many adjacent values. */
function percentiles(file: DifficultyFile, stream: Pick<ItemStream, 'dtype' | 'elements'>): ItemStream {
  const { rows } = file.header;
  const step = Math.max(1, Math.floor(rows / percentileItems));
  const items = Math.ceil(rows / step);
  return { ...stream, items, lengths: () => rowCounts(file, step), documentEnds: [items] };
}

/** DeepSpeed assigns whole parts of the map, and distinct values, to the threads of its reduce. */
function documentEnds(samples: number, rows: number, parts: DeepSpeedParts) {
  const { workers = 1, threads = 1, reduceThreads = 1, docIndex = 'merged' } = parts;
  if (docIndex === 'plain') return { samples: [samples], rows: [rows] };
  const mapped = splitIndex(0, samples, workers).flatMap(([start, end]) => splitIndex(start, end, threads));
  const bySample = splitIndex(0, mapped.length, reduceThreads).map(([, last]) => mapped[last - 1]?.[1] ?? 0);
  const byRow = splitIndex(0, rows, reduceThreads).map(([, last]) => last);
  return { samples: [...bySample, samples], rows: [...byRow, rows] };
}

function* inPieces(
  count: number,
  read: (start: number, end: number) => ArrayLike<number>,
): Generator<ArrayLike<number>> {
  for (let start = 0; start < count; start += atOnce) yield read(start, Math.min(count, start + atOnce));
}

function ones(count: number): Generator<ArrayLike<number>> {
  const full = new Int32Array(Math.min(count, atOnce)).fill(1);
  return inPieces(count, (start, end) => full.subarray(0, end - start));
}

function* rowValues(file: DifficultyFile): Generator<ArrayLike<number>> {
  for (const rows of file.rows()) yield rows.map(({ value }) => value);
}

/** Number of samples of each run of `step` rows. */
function* rowCounts(file: DifficultyFile, step: number): Generator<ArrayLike<number>> {
  const last = file.header.rows - 1;
  let row = 0;
  let counted = 0;
  for (const rows of file.rows()) {
    const counts: number[] = [];
    for (const { end } of rows) {
      if (row % step === step - 1 || row === last) {
        counts.push(end - counted);
        counted = end;
      }
      row++;
    }
    yield counts;
  }
}

function allWhole(file: DifficultyFile): boolean {
  for (const rows of file.rows()) if (!rows.every(({ value }) => Number.isSafeInteger(value))) return false;
  return true;
}

function notWhole(metric: string): FormatError {
  return new FormatError(
    `Values of the metric ${metric} are not integers, and DeepSpeed's files hold only integers`,
    {
      where: { metric },
      next: `Give the metric a scale (scale: 1000 keeps three decimals), or write only the native index: layout: 'native'.`,
    },
  );
}
