import * as v from 'valibot';
import type { FormatError } from '../../core/errors.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions, recordOf } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { ownValue, setOwn } from '../../core/record.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { chooseColumns } from '../choose-columns.js';
import { openDataFiles } from '../data-files.js';
import { closingOnError, FileDataset, type FileRecipe } from '../file-dataset.js';
import type { DataFiles } from '../file-format.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import {
  type CsvColumn,
  type CsvType,
  type CsvValue,
  isTooLong,
  typeOfCells,
  valueOfCell,
} from './csv-columns.js';
import { beginsWithNames, fieldsOf, findDelimiter, parseRow, readHeaders } from './csv-header.js';
import { findRows } from './csv-rows.js';

/** Rows from which the types of the columns are inferred. */
const lookedAt = 1_000;

/** A row by column. */
export type CsvRow = Readonly<Record<string, CsvValue>>;

export interface CsvDatasetOptions extends StorageOptions {
  /**
   * Delimiter, one character. @defaultValue a tab for `.tsv`; otherwise the first of comma, semicolon, tab and bar that splits
   * the first 20 rows into an equal number of fields, at least two; otherwise a comma
   */
  readonly delimiter?: string;
  /**
   * Whether each file begins with the names of its columns, or the names themselves. @defaultValue inferred: `false` if the
   * first row contains only numbers other than 0, 1, 2, …
   */
  readonly header?: boolean | readonly string[];
  /** Columns of a sample. @defaultValue all */
  readonly columns?: readonly string[];
  /** Types of columns. @defaultValue inferred from the first 1,000 rows */
  readonly types?: Readonly<Record<string, CsvType>>;
}

const schema = v.looseObject({
  delimiter: v.optional(v.pipe(v.string(), v.regex(/^[^"\r\n]$/, 'must be one character, no quote'))),
  header: v.optional(v.union([v.boolean(), v.array(v.string())], 'must be true, false or names')),
  columns: v.optional(v.array(v.string())),
  types: v.optional(
    recordOf(v.picklist(['number', 'boolean', 'string'], "must be 'number', 'boolean' or 'string'")),
    {},
  ),
});

interface CsvFormat {
  readonly delimiter: string;
  /** All columns of the files, in their order. */
  readonly fields: readonly string[];
  /** Columns of a sample. */
  readonly columns: readonly CsvColumn[];
}

/**
 * Comma-separated values (RFC 4180): each row is an object by column. Types (number, boolean, text) are inferred from the first
 * 1,000 rows; a later cell of another type is an error. An empty cell is `NaN` in a column of numbers and `null` in one of
 * booleans. A column with whole numbers that a `number` cannot represent is text. Papa Parse parses each row when it is read.
 */
export class CsvDataset<T = CsvRow> extends FileDataset<T, RecordFiles, CsvFormat> {
  /** Names and types of the columns of a sample. */
  readonly columns: readonly CsvColumn[];
  /** Position of each column in a row. */
  readonly #places: readonly number[];

  private constructor(records: RecordFiles, format: CsvFormat) {
    super('CsvDataset', records, format);
    this.columns = format.columns;
    this.#places = format.columns.map(({ name }) => format.fields.indexOf(name));
  }

  /**
   * Opens one or more files, which must have the same columns, and reads them once to find the rows.
   *
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if the header is missing or files differ; {@link
   *   ConfigError} for a column that is not there.
   */
  static async open<T = CsvRow>(files: DataFiles, options: CsvDatasetOptions = {}): Promise<CsvDataset<T>> {
    const {
      delimiter: given,
      header: asked,
      columns,
      types,
      ...storage
    } = parseOptions('CsvDataset options', schema, options);
    const sources = await openDataFiles(files, 'csv', storage);
    const { delimiter, header } = await closingOnError(sources, async () => {
      const found = given ?? (await findDelimiter(sources[0]!));
      return { delimiter: found, header: asked ?? (await beginsWithNames(sources[0]!, found)) };
    });
    const records = await RecordFiles.open(
      'CsvDataset',
      sources,
      async (source) => {
        const bounds = await findRows(source, delimiter);
        return header === true ? bounds.subarray(1) : bounds;
      },
      { kind: `rows 2 ${delimiter} ${header === true}`, cache: options.cache },
    );
    try {
      const headers = header === true ? await readHeaders(records, delimiter) : [];
      const fields = Array.isArray(header) ? header : await fieldsOf(sources, headers, records, delimiter);
      const chosen = chooseColumns({ owner: 'CsvDataset' }, columns, fields);
      chooseColumns({ owner: 'CsvDataset', field: 'types' }, Object.keys(types), fields);
      const untyped = new CsvDataset<CsvRow>(records, {
        delimiter,
        fields,
        columns: chosen.map((name) => ({ name, type: 'string' })),
      });
      const found = await untyped.#findTypes();
      const typed = chosen.map((name, k) => ({ name, type: ownValue(types, name) ?? found[k]! }));
      return new CsvDataset<T>(records, { delimiter, fields, columns: typed });
    } catch (error) {
      records.close();
      throw error;
    }
  }

  /** @throws {@link FormatError} for a row with more or fewer fields, an unclosed quote, or a cell of another type. */
  get(index: number): MaybePromise<T> {
    return andThen(this.#cells(index), (cells) => {
      const row: Record<string, CsvValue> = {};
      for (const [k, { name, type }] of this.columns.entries()) {
        const cell = cells[this.#places[k]!]!;
        const value = valueOfCell(cell, type);
        if (value === undefined) throw this.#wrongCell(index, cell, { name, type });
        setOwn(row, name, value);
      }
      return row as T;
    });
  }

  protected override identity() {
    const { delimiter, columns } = this.settings;
    return { delimiter, columns: columns.map(({ name, type }) => ({ name, type })) };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe, CsvFormat>,
    make: MakeFromRecipe,
  ): Promise<CsvDataset<unknown>> {
    return new CsvDataset(await RecordFiles.fromRecipe(rows, make), settings);
  }

  #cells(index: number): MaybePromise<readonly string[]> {
    return andThen(this.rows.text(index), (text) => {
      const { delimiter, fields } = this.settings;
      const { cells, problem } = parseRow(text, delimiter);
      if (problem) throw this.rows.damaged(index, problem);
      if (cells.length === fields.length) return cells;
      throw this.rows.damaged(index, `has ${cells.length} fields, and the columns are ${fields.length}`);
    });
  }

  #wrongCell(index: number, cell: string, { name, type }: CsvColumn): FormatError {
    const way = isTooLong(cell)
      ? `, and is too long for one: open it with { types: { ${name}: 'string' } }`
      : '';
    return this.rows
      .damaged(index, `has ${JSON.stringify(cell)} in the column ${name}, which holds a ${type}${way}`)
      .addLocation({ column: name });
  }

  async #findTypes(): Promise<CsvType[]> {
    const rows: (readonly string[])[] = [];
    for (let index = 0; index < Math.min(lookedAt, this.length); index++) rows.push(await this.#cells(index));
    return this.#places.map((place) => typeOfCells(rows.map((cells) => cells[place]!)));
  }
}
