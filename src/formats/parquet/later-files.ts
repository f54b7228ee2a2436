import { FormatError } from '../../core/errors.js';
import type { LaterShard, TableSettings } from '../tables/table-rows.js';
import { rowCountOf } from '../tables/table-rows.js';
import { ParquetFile } from './parquet-file.js';

/** A file of a table whose footer is read when its first row is, since the table says how many rows it has. */
export function laterFile(
  shard: Omit<LaterShard<ParquetFile>, 'open'>,
  settings: TableSettings,
): LaterShard<ParquetFile> {
  const { source, fingerprint, length, constants } = shard;
  return {
    ...shard,
    open: async () => {
      const file = await ParquetFile.open(source, settings);
      checkRowCount(file, length);
      return { file, fingerprint, constants };
    },
  };
}

/** @throws {@link FormatError} if a file does not have the number of rows that its table says */
export function checkRowCount(file: ParquetFile, said: number): void {
  const rowCount = rowCountOf(file);
  if (rowCount === said) return;
  throw new FormatError(`The file has ${rowCount} rows, and the log of its table says ${said}`, {
    where: { file: file.source.name },
    next: 'Copy the table again, with all of its log.',
  });
}
