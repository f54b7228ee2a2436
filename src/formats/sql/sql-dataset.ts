import { ConfigError } from '../../core/errors.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import type { FormatOptions, StoredColumn } from '../file-format.js';
import { chooseRows, settingsOf } from '../tables/choose-rows.js';
import { columnsNamed } from '../tables/columns-named.js';
import { reopenedTable } from '../tables/reopened-table.js';
import { TableDataset } from '../tables/table-dataset.js';
import type { TableRowsRecipe, TableSettings, TableShard } from '../tables/table-rows.js';
import type { SqlEngineName, SqlSelection } from './sql-engine.js';
import { databaseChanged, databaseVersion, SqlFile } from './sql-file.js';

/** What identifies the rows besides the file. */
interface SqlSettings extends TableSettings {
  readonly engine: SqlEngineName;
  readonly selection: SqlSelection;
}

/** Decoded blocks that are kept. They are small. */
const cacheBlocks = 64;

/**
 * A table of a SQLite or DuckDB database, in the order of its row ids, or the result of a query, in the order of its ORDER BY. Each
 * thread runs the query once and keeps the result in a temporary table of the database.
 */
export class SqlDataset extends TableDataset<Readonly<Record<string, unknown>>, SqlFile> {
  /** Names and declared types of the columns of a sample. */
  readonly columns: readonly StoredColumn[];
  readonly #settings: SqlSettings;

  private constructor(shards: readonly TableShard<SqlFile>[], settings: SqlSettings) {
    super('SqlDataset', shards, settings);
    this.#settings = settings;
    const stored = this.rows.first.columns;
    this.columns = columnsNamed(settings.columns, stored);
  }

  /** @throws what {@link SqlFile.open} throws; {@link ConfigError} for a database that is not a local file */
  static async open(
    name: string,
    engine: SqlEngineName,
    { table, query, columns, where }: FormatOptions,
  ): Promise<SqlDataset> {
    if (isRemote(name))
      throw new ConfigError('openDataset options', [
        { field: 'files', message: `${name} is a database behind a URL; copy it to a local disk` },
      ]);
    const selection = { ...(table !== undefined && { table }), ...(query !== undefined && { query }) };
    const file = await SqlFile.open(localPath(name), engine, selection);
    return closingOnError([file.source], async () => {
      const shard = { file, fingerprint: await databaseVersion(file.source) };
      const names = file.columns.map((column) => column.name);
      const found = await chooseRows('SqlDataset', [shard], names, { columns, where, constants: undefined });
      return new SqlDataset(found.shards, {
        ...settingsOf(found, undefined),
        cacheBlocks,
        maxDecompressedBytes: Number.MAX_SAFE_INTEGER,
        engine,
        selection,
      });
    });
  }

  protected override identity() {
    const { engine, selection } = this.#settings;
    return { ...super.identity(), engine, selection: { ...selection } };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<TableRowsRecipe, SqlSettings>,
    make: MakeFromRecipe,
  ): Promise<SqlDataset> {
    const shard = await reopenedTable(rows, make, {
      open: (path) => SqlFile.open(path, settings.engine, settings.selection),
      versionOf: ({ source }) => databaseVersion(source),
      changed: databaseChanged,
    });
    return new SqlDataset([shard], settings);
  }
}
