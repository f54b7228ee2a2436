import Papa from 'papaparse';
import { FormatError } from '../../core/errors.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { isRecord, setOwn } from '../../core/record.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { checkSameNames, parseRow } from '../csv/csv-header.js';
import { findRows } from '../csv/csv-rows.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { findJsonValues, withoutComma } from '../text/json-values.js';
import { findLines, startOfText } from '../text/line-index.js';
import { parseJson } from '../text/parse-json.js';

/** How a record becomes a row. */
export type RecordReading =
  /** The fields of an object; another value is the column `text`. */
  | { readonly kind: 'json' }
  /** A line is the column `text`. */
  | { readonly kind: 'text' }
  /** Cells as text, missing ones as `null`. */
  | { readonly kind: 'csv'; readonly delimiter: string; readonly fields: readonly string[] };

/** A row before its values are cast to the types of their columns. */
export type RawRow = Readonly<Record<string, unknown>>;

/** What pandas reads as a missing value. */
const missing = new Set(
  ' #N/A #N/A_N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan null'
    .split(' ')
    .map((text) => text.replace('_', ' ')),
);

/** Rows of text files, read as Hugging Face `datasets` reads them: JSON values, lines, or separated values. */
export class HubRecords extends FileDataset<RawRow, RecordFiles, RecordReading> {
  private constructor(records: RecordFiles, reading: RecordReading) {
    super('HubRecords', records, reading);
  }

  /** Opens files of JSON: lines, values one after another, or one array. Reads each once to find its rows. */
  static async openJson(sources: readonly ByteSource[], storage: StorageOptions): Promise<HubRecords> {
    const kept = { kind: 'json values', cache: storage.cache };
    return new HubRecords(await RecordFiles.open('HubDataset', sources, findJsonValues, kept), {
      kind: 'json',
    });
  }

  /** Opens files of lines; blank ones are rows too. */
  static async openText(sources: readonly ByteSource[], storage: StorageOptions): Promise<HubRecords> {
    const kept = { kind: 'all lines', cache: storage.cache };
    const records = await RecordFiles.open('HubDataset', sources, (source) => findLines(source, true), kept);
    return new HubRecords(records, { kind: 'text' });
  }

  /**
   * Opens files of separated values whose first row has the names of the columns, the same in all.
   *
   * @param names - The columns of files without names.
   * @throws {@link FormatError} if files have different columns.
   */
  static async openCsv(
    sources: readonly ByteSource[],
    { delimiter, names }: { readonly delimiter: string; readonly names: readonly string[] | undefined },
    storage: StorageOptions,
  ): Promise<HubRecords> {
    const records = await RecordFiles.open(
      'HubDataset',
      sources,
      async (source) => {
        const bounds = await findRows(source, delimiter);
        return names ? bounds : bounds.subarray(1);
      },
      { kind: `rows 2 ${delimiter} ${names === undefined}`, cache: storage.cache },
    );
    try {
      const headers = names
        ? [names]
        : await Promise.all(sources.map((source, k) => headerOf(source, records.starts[k], delimiter)));
      const next = 'Write them with the same columns, or give each a configuration of its own in the card.';
      checkSameNames(sources, headers, next);
      const [fields = []] = headers;
      return new HubRecords(records, { kind: 'csv', delimiter, fields });
    } catch (error) {
      records.close();
      throw error;
    }
  }

  /** Columns that the files name; `undefined` if each row names its own. */
  get fields(): readonly string[] | undefined {
    return this.settings.kind === 'csv' ? this.settings.fields : undefined;
  }

  /** Returns how many rows begin within the first `bytes` bytes of the first file; at least one. */
  rowsWithin(bytes: number): number {
    let count = 0;
    while (count < this.length) {
      const { byteOffset, row } = this.rows.place(count);
      if (row !== count || Number(byteOffset) > bytes) break;
      count++;
    }
    return count;
  }

  /** @throws {@link FormatError} if the row is not JSON, has too many cells, or is not UTF-8 */
  get(index: number): MaybePromise<RawRow> {
    return andThen(this.rows.text(index), (text) => this.#decode(text, index));
  }

  /** The error for a value that does not have the type of its column. */
  damaged(index: number, problem: string): FormatError {
    return this.rows.damaged(index, problem);
  }

  #decode(text: string, index: number): RawRow {
    const { settings } = this;
    if (settings.kind === 'text') return { text: this.#line(text, index) };
    if (settings.kind === 'csv') return this.#cells(text, index, settings);
    let value: unknown;
    try {
      value = parseJson(withoutComma(text));
    } catch (cause) {
      throw this.rows.damaged(index, `is not JSON: ${messageOf(cause)}`, cause);
    }
    return isRecord(value) ? value : { text: value };
  }

  #line(text: string, index: number): string {
    const line = text.replace(/\r?\n$/, '');
    if (!line.includes('\r')) return line;
    throw this.rows.damaged(index, 'holds a carriage return, which may end a line or not');
  }

  #cells(
    text: string,
    index: number,
    { delimiter, fields }: { readonly delimiter: string; readonly fields: readonly string[] },
  ): RawRow {
    const { cells, problem } = parseRow(text, delimiter);
    if (problem) throw this.rows.damaged(index, problem);
    if (cells.length > fields.length)
      throw this.rows.damaged(index, `has ${cells.length} fields, and the columns are ${fields.length}`);
    const row: Record<string, string | null> = {};
    for (const [k, name] of fields.entries()) {
      const cell = cells[k];
      setOwn(row, name, cell === undefined || missing.has(cell) ? null : cell);
    }
    return row;
  }

  protected override identity() {
    return { ...this.settings };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe, RecordReading>,
    make: MakeFromRecipe,
  ): Promise<HubRecords> {
    return new HubRecords(await RecordFiles.fromRecipe(rows, make), settings);
  }
}

/**
 * The names in the first row, as pandas reads them: a name that occurs again gets `.1`, one that is empty becomes `Unnamed: 0`.
 *
 * @param end - Offset of the row after it; `undefined` if there is none.
 */
async function headerOf(source: ByteSource, end: number | undefined, delimiter: string): Promise<string[]> {
  const start = await startOfText(source);
  const bytes = await source.read(start, end ?? source.byteLength);
  const text = new TextDecoder('utf-8', { fatal: true });
  let cells: string[];
  try {
    const written = text.decode(bytes).replace(/^[\r\n]+|[\r\n]+$/g, '');
    cells = Papa.parse<string[]>(written, { delimiter, newline: '\n', preview: 1 }).data[0] ?? [];
  } catch (cause) {
    throw new FormatError('The names of the columns are not text in UTF-8', {
      where: { file: source.name, byteOffset: start },
      next: 'Write the file again in UTF-8: iconv -f LATIN1 -t UTF-8 does it.',
      cause,
    });
  }
  if (cells.length === 0)
    throw new FormatError('The file does not begin with names of columns: it is empty', {
      where: { file: source.name, byteOffset: start },
      next: 'Remove it, or write the names of the columns into its first row.',
    });
  const names: string[] = [];
  for (const [k, cell] of cells.entries()) {
    const name = cell === '' ? `Unnamed: ${k}` : cell;
    let free = name;
    for (let count = 1; names.includes(free); count++) free = `${name}.${count}`;
    names.push(free);
  }
  return names;
}
