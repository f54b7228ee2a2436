import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../core/errors.js';
import { lastOf } from '../core/last-of.js';
import { type IdArray, type SamplesByValue, sortByValue } from '../core/sort-by-value.js';
import { storageFailure } from '../storage/storage-failure.js';
import { concat, type MapPartId, partFolder } from './map-part-files.js';

// DeepSpeed's map writes the ids of each value to a separate file, `<metric>_metric_to_sample_<value>.csv`.

/** DeepSpeed buffers this many ids of one value before it writes them as one row. */
const heldIds = 100;

/** Ids grouped by value into the rows that DeepSpeed writes: full rows after each batch, and the rest at the end. */
export class CsvRows {
  readonly #rows = new Map<number | bigint, number[][]>();

  /** Adds one batch: a value and an id per sample. */
  add(values: ArrayLike<number | bigint>, ids: readonly number[]): void {
    ids.forEach((id, i) => {
      const value = values[i]!;
      const rows = this.#rows.get(value);
      if (rows) lastOf(rows).push(id);
      else this.#rows.set(value, [[id]]);
    });
    for (const rows of this.#rows.values()) if (lastOf(rows).length > heldIds) rows.push([]);
  }

  /** Writes the files of one part and removes those of an earlier map. @throws {@link StorageError} */
  write(savePath: string, metric: string, part: MapPartId): void {
    const folder = partFolder(savePath, metric, part);
    const stale = readdirSync(folder).filter((name) => name.startsWith(`${metric}_metric_to_sample`));
    for (const name of stale) rmSync(join(folder, name));
    for (const [value, rows] of this.#rows) {
      const lines = rows.filter((row) => row.length > 0).map((row) => `${row.join(',')}\r\n`);
      writeCsv(csvPath(folder, metric, value), lines.join(''));
    }
  }
}

/**
 * Reads the ids of each value from the files of all parts.
 *
 * @param values - The values of all parts, in the order of the map.
 */
export function readCsvRows(
  savePath: string,
  metric: string,
  parts: readonly MapPartId[],
  values: Float64Array,
): SamplesByValue {
  const { distinct } = sortByValue(values, Float64Array.from(values.keys()) as IdArray);
  const folders = parts.map((part) => partFolder(savePath, metric, part));
  const rows = Array.from(distinct, (value) =>
    concat(folders.map((folder) => readCsv(csvPath(folder, metric, value)))),
  );
  return { distinct, counts: Float64Array.from(rows, ({ length }) => length), ids: concat(rows) };
}

function csvPath(folder: string, metric: string, value: number | bigint): string {
  return join(folder, `${metric}_metric_to_sample_${value}.csv`);
}

function writeCsv(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw storageFailure('write', file, cause);
  }
}

function readCsv(file: string): Float64Array {
  if (!existsSync(file)) return new Float64Array();
  const fields = readFileSync(file, 'latin1').split(/,|\r?\n/);
  const ids = Float64Array.from(fields.filter(Boolean), Number);
  const wrong = ids.findIndex((id) => !Number.isSafeInteger(id));
  if (wrong < 0) return ids;
  throw new FormatError('A file of the map contains something other than sample ids', {
    where: { file, field: wrong },
    next: 'Run the map again.',
  });
}
