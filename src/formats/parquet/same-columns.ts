import { FormatError } from '../../core/errors.js';
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
