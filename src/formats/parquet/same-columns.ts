import { FormatError } from '../../core/errors.js';
import type { FileConstants, StoredColumn } from '../file-format.js';
import type { ParquetFile } from './parquet-file.js';

/** The columns of a file, for messages and comparison. */
export interface ColumnsOfFile {
  readonly file: string;
  /** Names and types. */
  readonly columns: string;
}

export function columnsOf({ source, columns }: ParquetFile): ColumnsOfFile {
  return { file: source.name, columns: columns.map(({ name, type }) => `${name}: ${type}`).join(', ') };
}

/** @throws {@link FormatError} if files have different columns */
export function checkSameColumns(files: readonly ParquetFile[]): void {
  const first = columnsOf(files[0]!);
  for (const file of files) checkColumnsOf(file, first);
}

/** @throws {@link FormatError} if a file does not have the columns of the first */
export function checkColumnsOf(file: ParquetFile, first: ColumnsOfFile): void {
  const { file: name, columns } = columnsOf(file);
  if (columns === first.columns) return;
  throw new FormatError('Two files have different columns', {
    where: { file: name, columns, firstFile: first.file, firstColumns: first.columns },
    next: 'Choose columns that all have with { columns: […] }, or open them as two datasets.',
  });
}

/**
 * Fits files to the columns of their table: a column that a file lacks, because it was added later, is a missing value in all rows of
 * the file.
 *
 * @param files - `undefined`: the file is opened later.
 * @throws {@link FormatError} if files store a column in different types
 */
export function fittedToTable(
  files: readonly (ParquetFile | undefined)[],
  table: readonly StoredColumn[],
  constants: FileConstants | undefined,
): FileConstants {
  const known = new Set(constants?.columns.map(({ name }) => name));
  const stored = table.filter(({ name }) => !known.has(name));
  const types: TypesOfColumns = new Map();
  const values = files.map((file, k) => {
    const given = constants?.values[k];
    return file ? { ...given, ...lackedValues(file, stored, types) } : { ...given };
  });
  const added = stored.filter(({ name }) => values.some((each) => Object.hasOwn(each, name)));
  return { columns: [...(constants?.columns ?? []), ...added], values };
}

/** The first file that stores a column, and its type, by column. */
export type TypesOfColumns = Map<string, { readonly file: ParquetFile; readonly type: string }>;

/**
 * Missing values for the columns of a table that a file lacks.
 *
 * @param types - Of the files so far; those of this file are added.
 * @throws {@link FormatError} if the file stores a column in another type
 */
export function lackedValues(
  file: ParquetFile,
  stored: readonly { readonly name: string }[],
  types: TypesOfColumns,
): Readonly<Record<string, null>> {
  for (const { name, type } of file.columns) {
    const first = types.get(name) ?? { file, type };
    types.set(name, first);
    if (first.type !== type) throw otherType(name, file, type, first);
  }
  const names = new Set(file.columnNames);
  return Object.fromEntries(stored.flatMap(({ name }) => (names.has(name) ? [] : [[name, null]])));
}

function otherType(
  column: string,
  file: ParquetFile,
  type: string,
  first: { readonly file: ParquetFile; readonly type: string },
): FormatError {
  return new FormatError('Two files of the table store a column in different types', {
    where: { column, file: file.source.name, type, firstFile: first.file.source.name, firstType: first.type },
    next: 'Leave the column out with { columns: […] }, or rewrite the files of the table.',
  });
}
