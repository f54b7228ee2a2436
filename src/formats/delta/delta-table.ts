import { ConfigError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { ownValue, setOwn } from '../../core/record.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openExactFiles } from '../data-files.js';
import type { FormatOptions, TableFileFacts } from '../file-format.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import { filesToOpen } from '../where/files-to-open.js';
import { RowChoice } from '../where/select-rows.js';
import { nameOfVector, rowsLeft } from './deletion-vector.js';
import { columnsOfTable, partitionValue } from './delta-columns.js';
import { type DeltaFile, readDeltaLog } from './delta-log.js';
import { DeltaStatistics } from './delta-statistics.js';
import { tableLocation } from './table-location.js';

/**
 * Opens a Delta table at one version: the rows of its data files, ordered by the path of the file. Files that `where` rules out by their
 * partition or statistics are not opened. Columns that were added after a file was written are missing values in it.
 *
 * @throws {@link FormatError} if the log is damaged or uses a feature that Millrace does not have
 */
export async function openDeltaTable(
  table: string,
  { version, columns, where, ...storage }: FormatOptions,
): Promise<ParquetDataset> {
  if (version !== undefined && typeof version !== 'number')
    throw new ConfigError('openDataset options', [
      { field: 'version', message: `${version} is not a version of a Delta table, which is a number` },
    ]);
  const snapshot = await readDeltaLog(table, storage, version);
  const all = columnsOfTable(table, snapshot.metadata);
  const partitioned = all.filter(({ name }) => snapshot.metadata.partitionColumns.includes(name));
  const constants = {
    columns: partitioned.map(({ name, type }) => ({ name, type })),
    values: snapshot.files.map(({ partitionValues }) => {
      const values: Record<string, unknown> = {};
      for (const column of partitioned) {
        setOwn(values, column.name, partitionValue(table, column, ownValue(partitionValues, column.logName)));
      }
      return values;
    }),
  };
  const names = all.map(({ name }) => name);
  const choice = where && RowChoice.of('openDataset', where, names);
  const statistics = snapshot.files.map((file) => new DeltaStatistics(file));
  const indices = filesToOpen(choice, constants, (file, name) => {
    const column = all.find((each) => each.name === name);
    return column ? [statistics[file]!.boundsOf(column)] : [];
  });
  if (indices.length === 0)
    throw new ConfigError('Data files', [
      { field: 'files', message: `the Delta table ${table} has no rows at version ${snapshot.version}` },
    ]);
  const data = indices.map((k) => snapshot.files[k]!);
  const locations = data.map(({ path }) => tableLocation(table, path));
  // The log says how long a file is. A data file is never overwritten.
  const known = new Map(
    data.map((file, k) => [
      locations[k]!,
      file.size ? { byteLength: Number(file.size), content: contentOf(file) } : undefined,
    ]),
  );
  return ParquetDataset.open(await openExactFiles(locations, storage, known), {
    ...storage,
    ...(columns && { columns }),
    ...(where && { where }),
    tableSchema: { fields: all },
    tableFiles: indices.map((k) => factsOf(table, snapshot.files[k]!, statistics[k]!.rowCount, storage)),
    constants: { columns: constants.columns, values: indices.map((k) => constants.values[k]!) },
  });
}

/** Identifies the content of a data file, wherever the table is: writers give each file a name of its own. */
function contentOf({ path, size }: DeltaFile): string {
  return fingerprint({ path, size: Number(size ?? 0) });
}

function factsOf(
  table: string,
  file: DeltaFile,
  length: number | undefined,
  storage: StorageOptions,
): TableFileFacts {
  const { deletionVector: vector } = file;
  if (!vector) return { fingerprint: contentOf(file), length };
  return {
    fingerprint: fingerprint({ file: contentOf(file), deleted: nameOfVector(vector) }),
    rowsLeft: (rowCount) => rowsLeft(table, vector, rowCount, storage),
  };
}
