import { ConfigError } from '../../core/errors.js';
import { ownValue, setOwn } from '../../core/record.js';
import { isRemote, schemeOf } from '../../storage/url-scheme.js';
import { openExactFiles } from '../data-files.js';
import type { FormatOptions } from '../file-format.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import { RowChoice } from '../where/select-rows.js';
import { readDeltaLog } from './delta-log.js';
import { columnsOfTable, partitionValue } from './delta-protocol.js';

/**
 * Opens a Delta table at one version: the rows of its data files, ordered by the path of the file. Files that `where` rules out by their
 * partition are not opened. Columns that were added after a file was written are missing values in it.
 *
 * @throws {@link FormatError} if the log is damaged or uses a feature that Millrace does not have
 */
export async function openDeltaTable(
  table: string,
  { version, columns, where, ...storage }: FormatOptions,
): Promise<ParquetDataset> {
  const snapshot = await readDeltaLog(table, storage, version);
  const all = columnsOfTable(table, snapshot.metadata);
  const partitioned = all.filter(({ name }) => snapshot.metadata.partitionColumns.includes(name));
  const constants = {
    columns: partitioned.map(({ name, type }) => ({ name, type: typeText(type) })),
    values: snapshot.files.map(({ partitionValues }) => {
      const values: Record<string, unknown> = {};
      for (const column of partitioned) {
        setOwn(values, column.name, partitionValue(table, column, ownValue(partitionValues, column.name)));
      }
      return values;
    }),
  };
  const names = all.map(({ name }) => name);
  const choice = where && RowChoice.of('openDataset', where, names);
  const kept = snapshot.files.flatMap((_, k) => (choice?.inFile(k, constants) === false ? [] : [k]));
  const indices = kept.length > 0 ? kept : snapshot.files.slice(0, 1).map(() => 0);
  if (indices.length === 0)
    throw new ConfigError('Data files', [
      { field: 'files', message: `the Delta table ${table} has no rows at version ${snapshot.version}` },
    ]);
  const files = indices.map((k) => locationOf(table, snapshot.files[k]!.path));
  return ParquetDataset.open(await openExactFiles(files, storage, new Map()), {
    ...storage,
    ...(columns && { columns }),
    ...(where && { where }),
    tableColumns: all.map(({ name, type }) => ({ name, type: typeText(type) })),
    constants: { columns: constants.columns, values: indices.map((k) => constants.values[k]!) },
  });
}

function typeText(type: string | object): string {
  return typeof type === 'string' ? type : 'nested';
}

/** The location of a file that the log names relative to the table, with percent codes. */
function locationOf(table: string, path: string): string {
  if (isRemote(path) || schemeOf(path) === 'file' || path.startsWith('/')) return path;
  const isUrl = /^https?:/i.test(table);
  return `${table.replace(/\/+$/, '')}/${isUrl ? path : decodeURIComponent(path)}`;
}
