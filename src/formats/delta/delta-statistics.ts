// https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics
import { isRecord, ownValue } from '../../core/record.js';
import { parseJson } from '../text/parse-json.js';
import type { ColumnBounds } from '../where/column-bounds.js';
import { timeOf } from '../where/test-row.js';
import type { DeltaColumn } from './delta-columns.js';
import type { DeltaFile } from './delta-log.js';

/** What a writer says about the rows of a data file, deleted ones included. */
export class DeltaStatistics {
  readonly #file: Pick<DeltaFile, 'stats' | 'stats_parsed'>;
  #parsed: Readonly<Record<string, unknown>> | undefined;

  constructor(file: Pick<DeltaFile, 'stats' | 'stats_parsed'>) {
    this.#file = file;
  }

  /** Number of rows, if it is there. */
  get rowCount(): number | undefined {
    return countIn(ownValue(this.#stats, 'numRecords'));
  }

  /** What is known about the values of a column. */
  boundsOf({ type, nested, logName }: DeltaColumn): ColumnBounds {
    if (nested) return {};
    const of = (name: string): unknown => {
      const byColumn = ownValue(this.#stats, name);
      return isRecord(byColumn) ? ownValue(byColumn, logName) : undefined;
    };
    const missing = countIn(of('nullCount'));
    return {
      least: leastOf(type, of('minValues')),
      greatest: greatestOf(type, of('maxValues')),
      missing:
        missing === 0 ? 'none' : missing !== undefined && missing === this.rowCount ? 'all' : undefined,
    };
  }

  get #stats(): Readonly<Record<string, unknown>> {
    const { stats, stats_parsed } = this.#file;
    this.#parsed ??= [parsed(stats), stats_parsed].find(isRecord) ?? {};
    return this.#parsed;
  }
}

/** Statistics are optional: those that are damaged say nothing. */
function parsed(stats: string | null | undefined): unknown {
  try {
    return parseJson(stats ?? 'null');
  } catch {
    return undefined;
  }
}

function countIn(found: unknown): number | undefined {
  const count = typeof found === 'bigint' ? Number(found) : found;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** The statistics round what they say; the values of rows are rounded in another way. */
function leastOf(type: string, found: unknown): unknown {
  const value = boundOf(type, found);
  if (value instanceof Date && type !== 'date') return new Date(value.getTime() - 1);
  return type === 'float' && typeof value === 'number' ? Math.min(value, Math.fround(value)) : value;
}

function greatestOf(type: string, found: unknown): unknown {
  const value = boundOf(type, found);
  if (value instanceof Date && type !== 'date') return new Date(value.getTime() + 1);
  if (type === 'float' && typeof value === 'number') return Math.max(value, Math.fround(value));
  // What writers add to a text that they cut, or make of half a character, is not above all that was cut.
  return typeof value === 'string' ? value.replace(/(?:[?\u007f\ufffd]|\u{10ffff})$/u, '') : value;
}

/** Files that Spark wrote by another calendar or clock have other times before. */
const firstSureTime = Date.UTC(1900);

/** A bound as rows have values of the type; `undefined` if it says nothing. */
function boundOf(type: string, found: unknown): unknown {
  if (type === 'string' || type === 'boolean') return typeof found === type ? found : undefined;
  if (type === 'date' || type.startsWith('timestamp')) {
    // A text without an offset is in a time zone that the log does not say.
    const isSure = type !== 'timestamp' || (typeof found === 'string' && /(Z|[+-]\d\d:\d\d)$/.test(found));
    const time = found instanceof Date ? found : isSure ? timeOf(String(found)) : undefined;
    return time && time.getTime() >= firstSureTime ? time : undefined;
  }
  if (/^(byte|short|integer|long)$/.test(type))
    return typeof found === 'bigint' || Number.isSafeInteger(found) ? found : undefined;
  const isNumber = typeof found === 'number' || typeof found === 'bigint';
  return isNumber && /^(float|double|decimal)/.test(type) ? Number(found) : undefined;
}
