import * as v from 'valibot';
import type { FormatError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { integerFrom, parseOptions, recordOf } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { ownValue, setOwn } from '../../core/record.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { chooseColumns } from '../choose-columns.js';
import { allOpened, openDataFiles } from '../data-files.js';
import { closingOnError, FileDataset, type FileRecipe } from '../file-dataset.js';
import type { DataFiles, FileConstants, FileFacts, StoredColumn } from '../file-format.js';
import { chooseRecords } from '../records/choose-records.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { columnsNamed } from '../tables/columns-named.js';
import { utf8Source } from '../text/utf8-source.js';
import { allColumns, RowChoice } from '../where/select-rows.js';
import type { ReadColumn } from '../where/test-row.js';
import { type Where, whereColumns, whereJson, whereOption } from '../where/where.js';
import {
  type CsvCells,
  type CsvColumn,
  type CsvType,
  type CsvValue,
  isTooLong,
  TypeOfCells,
  valueOfCell,
} from './csv-columns.js';
import { beginsWithNames, fieldsOf, findDelimiter, parseRow, readHeaders } from './csv-header.js';
import { findRows } from './csv-rows.js';

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
  /** Selects rows: `{ score: { gte: 0.5 }, lang: 'en' }`. Opening then parses all rows. @defaultValue all */
  readonly where?: Where;
  /** Types of columns. @defaultValue inferred */
  readonly types?: Readonly<Record<string, CsvType>>;
  /** Rows from which types are inferred; `'all'` parses all rows when the files are opened. @defaultValue `1_000` */
  readonly inferRows?: number | 'all';
  /** Cells that stand for a missing value: `['NA', '-']`. @defaultValue none besides empty cells */
  readonly missing?: readonly string[];
  /** The mark before the fraction of a number. @defaultValue `'.'` */
  readonly decimal?: '.' | ',';
}

const schema = v.looseObject({
  delimiter: v.optional(v.pipe(v.string(), v.regex(/^[^"\r\n]$/, 'must be one character, no quote'))),
  header: v.optional(v.union([v.boolean(), v.array(v.string())], 'must be true, false or names')),
  columns: v.optional(v.array(v.string())),
  types: v.optional(
    recordOf(v.picklist(['number', 'boolean', 'string'], "must be 'number', 'boolean' or 'string'")),
    {},
  ),
  where: whereOption,
  constants: v.optional(v.custom<FileConstants>((value) => typeof value === 'object')),
  inferRows: v.optional(v.union([integerFrom(1), v.literal('all')], "must be a number or 'all'"), 1_000),
  missing: v.optional(v.array(v.string())),
  decimal: v.optional(v.picklist(['.', ','], "must be '.' or ','"), '.'),
});

interface CsvFormat extends CsvCells {
  readonly delimiter: string;
  /** All columns of the files, in their order. */
  readonly fields: readonly string[];
  /** Columns of a sample that the files store. */
  readonly columns: readonly CsvColumn[];
  /** All columns of a sample, if some belong to folder names. */
  readonly order?: readonly StoredColumn[];
  /** The condition that rows pass, for the fingerprint. */
  readonly where?: Json;
}

/**
 * Comma-separated values (RFC 4180): each row is an object by column. Types (number, boolean, text) are inferred from the first
 * 1,000 rows; a later cell of another type is an error. An empty cell is `NaN` in a column of numbers and `null` in one of
 * booleans. Files are in UTF-8, or in UTF-16 with a byte order mark. A column with whole numbers that a `number` cannot represent is text. Papa Parse parses each row when it is read.
 */
export class CsvDataset<T = CsvRow> extends FileDataset<T, RecordFiles, CsvFormat> {
  /** Names and types of the columns of a sample. */
  readonly columns: readonly StoredColumn[];
  /** Position of each column in a row. */
  readonly #places: readonly number[];

  private constructor(records: RecordFiles, format: CsvFormat) {
    super('CsvDataset', records, format);
    this.columns = format.order ?? format.columns;
    this.#places = format.columns.map(({ name }) => format.fields.indexOf(name));
  }

  /**
   * Opens one or more files, which must have the same columns, and reads them once to find the rows.
   *
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if the header is missing or files differ; {@link
   *   ConfigError} for a column that is not there.
   */
  static async open<T = CsvRow>(
    files: DataFiles,
    options: CsvDatasetOptions & FileFacts = {},
  ): Promise<CsvDataset<T>> {
    const parsed = parseOptions('CsvDataset options', schema, options);
    const { delimiter: given, header: asked, columns, types, where, constants, ...rest } = parsed;
    const { inferRows, missing, decimal, ...storage } = rest;
    const { maxDecompressedBytes } = storageOptions(storage);
    const stored = await openDataFiles(files, 'csv', storage);
    const sources = await allOpened(stored.map((source) => utf8Source(source, maxDecompressedBytes)));
    const { delimiter, header } = await closingOnError(sources, async () => {
      const found = given ?? (await findDelimiter(sources[0]!, decimal));
      return { delimiter: found, header: asked ?? (await beginsWithNames(sources[0]!, found, decimal)) };
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
    return closingOnError(sources, async () => {
      const headers = header === true ? await readHeaders(records, delimiter) : [];
      const fields = Array.isArray(header) ? header : await fieldsOf(sources, headers, records, delimiter);
      const available = allColumns(fields, constants);
      const chosen = chooseColumns({ owner: 'CsvDataset' }, columns, available);
      chooseColumns({ owner: 'CsvDataset', field: 'types' }, Object.keys(types), fields);
      const choice = where && RowChoice.of('CsvDataset', where, available);
      const added = constants?.columns ?? [];
      const isStored = (name: string) => added.every((column) => column.name !== name);
      const tested = choice ? whereColumns(choice.node) : [];
      chooseColumns({ owner: 'CsvDataset', field: 'where' }, tested, available);
      const names = [...new Set([...chosen, ...tested])].filter(isStored);
      const format = { delimiter, fields, ...(decimal === ',' && { decimal }), ...(missing && { missing }) };
      const untyped = names.map((name): CsvColumn => ({ name, type: 'string' }));
      const infer = new CsvDataset<CsvRow>(records, { ...format, columns: untyped });
      const found = await infer.#findTypes(inferRows === 'all' ? records.length : inferRows);
      const typed = names.map((name, k) => ({ name, type: ownValue(types, name) ?? found[k]! }));
      const all = new CsvDataset<CsvRow>(records, { ...format, columns: typed });
      const rows = await chooseRecords(records, choice, constants, (index) => all.#reader(index));
      const known = [...added, ...typed];
      return new CsvDataset<T>(rows, {
        ...format,
        columns: typed.filter(({ name }) => chosen.includes(name)),
        ...(constants && { order: columnsNamed(chosen, known) }),
        ...(choice && { where: whereJson(choice.node) }),
      });
    });
  }

  /** @throws {@link FormatError} for a row with more or fewer fields, an unclosed quote, or a cell of another type. */
  get(index: number): MaybePromise<T> {
    return andThen(this.#cells(index), (cells) => {
      const row: Record<string, unknown> = {};
      const { columns, order } = this.settings;
      for (let k = 0; k < columns.length; k++) setOwn(row, columns[k]!.name, this.#value(index, cells, k));
      const constants = this.rows.constantsOf(index) ?? {};
      const valueIn = (name: string) => ownValue(Object.hasOwn(constants, name) ? constants : row, name);
      return (order ? Object.fromEntries(order.map(({ name }) => [name, valueIn(name)])) : row) as T;
    });
  }

  #value(index: number, cells: readonly string[], k: number): CsvValue {
    const { name, type } = this.settings.columns[k]!;
    const cell = cells[this.#places[k]!]!;
    const value = valueOfCell(cell, type, this.settings);
    if (value === undefined) throw this.#wrongCell(index, cell, { name, type });
    return value;
  }

  /** Reads the columns of a row for a condition, in which an empty number is missing as well. */
  #reader(index: number): MaybePromise<ReadColumn> {
    const { columns } = this.settings;
    return andThen(this.#cells(index), (cells) => (name: string) => {
      const k = columns.findIndex((column) => column.name === name);
      const isEmpty = columns[k]!.type === 'number' && cells[this.#places[k]!]!.trim() === '';
      const value = isEmpty ? null : this.#value(index, cells, k);
      return this.settings.missing?.includes(cells[this.#places[k]!]!) ? null : value;
    });
  }

  protected override identity() {
    const { delimiter, columns, decimal, missing, where } = this.settings;
    return {
      delimiter,
      columns: columns.map(({ name, type }) => ({ name, type })),
      ...(decimal && { decimal }),
      ...(missing && { missing: [...missing] }),
      ...(where !== undefined && { where }),
      ...(this.settings.order && { order: this.columns.map(({ name }) => name) }),
    };
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

  /** Infers the types of the columns from the first rows. */
  async #findTypes(count: number): Promise<CsvType[]> {
    const found = this.#places.map(() => new TypeOfCells(this.settings));
    for (let index = 0; index < Math.min(count, this.length); index++) {
      const cells = await this.#cells(index);
      for (const [k, place] of this.#places.entries()) found[k]!.add(cells[place]!);
    }
    return found.map(({ type }) => type);
  }
}
