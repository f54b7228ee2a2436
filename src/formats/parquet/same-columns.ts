import { FormatError } from '../../core/errors.js';
import type { FileConstants, StoredColumn } from '../file-format.js';
import type { ParquetFile } from './parquet-file.js';

/** @throws {@link FormatError} if files have different columns */
export function checkSameColumns(files: readonly ParquetFile[]): void {
  const described = files.map(({ columns }) =>
    columns.map(({ name, type }) => `${name}: ${type}`).join(', '),
  );
  const other = described.findIndex((columns) => columns !== described[0]);
  if (other < 0) return;
  throw new FormatError('Two files have different columns', {
    where: {
      file: files[other]!.source.name,
      columns: described[other]!,
      firstFile: files[0]!.source.name,
      firstColumns: described[0]!,
    },
    next: 'Choose columns that all have with { columns: […] }, or open them as two datasets.',
  });
}

/**
 * Fits files to the columns of their table: a column that a file lacks, because it was added later, is a missing value in all rows of
 * the file.
 *
 * @throws {@link FormatError} if files store a column in different types
 */
export function fittedToTable(
  files: readonly ParquetFile[],
  table: readonly StoredColumn[],
  constants: FileConstants | undefined,
): FileConstants {
  const known = new Set(constants?.columns.map(({ name }) => name));
  const lacked = new Set<string>();
  const types = new Map<string, { readonly file: ParquetFile; readonly type: string }>();
  const values = files.map((file, k) => {
    const missing = table.filter(({ name }) => !known.has(name) && !file.columnNames.includes(name));
    for (const { name } of missing) lacked.add(name);
    for (const { name, type } of file.columns) {
      const first = types.get(name) ?? { file, type };
      types.set(name, first);
      if (first.type !== type) throw otherType(name, file, type, first);
    }
    return { ...constants?.values[k], ...Object.fromEntries(missing.map(({ name }) => [name, null])) };
  });
  const added = table.filter(({ name }) => lacked.has(name));
  return { columns: [...(constants?.columns ?? []), ...added], values };
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
