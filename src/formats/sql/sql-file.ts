import { existsSync, statSync } from 'node:fs';
import { ConfigError, FormatError, MillraceError, ObjectChangedError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { messageOf } from '../../core/thrown.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { FileSource } from '../../storage/file-source.js';
import { unknownColumn } from '../choose-columns.js';
import type { StoredColumn } from '../file-format.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { OwningSource } from '../tables/owning-source.js';
import type { TableBlock, TableFile } from '../tables/table-rows.js';
import { openDuckDb } from './duckdb-engine.js';
import {
  checkOrdered,
  onlyTable,
  quoted,
  quotedText,
  resultTable,
  type SqlEngine,
  type SqlEngineName,
  type SqlSelection,
} from './sql-engine.js';
import { openSqlite } from './sqlite-engine.js';

/** What a table of a database is made of. */
interface SqlParts {
  readonly source: OwningSource;
  readonly engine: SqlEngine;
  readonly table: string;
  readonly columns: readonly StoredColumn[];
  /** The row id of the first row of each block. */
  readonly firstIds: readonly unknown[];
  readonly bounds: Float64Array;
  /** The name under which the table has its row ids. */
  readonly rowId: string;
}

/** The rows of a table, or of the result of a query, in blocks by row id. */
export class SqlFile implements TableFile {
  readonly source: OwningSource;
  readonly columns: readonly StoredColumn[];
  readonly bounds: Float64Array;
  readonly #parts: SqlParts;

  private constructor(parts: SqlParts) {
    this.#parts = parts;
    this.source = parts.source;
    this.columns = parts.columns;
    this.bounds = parts.bounds;
  }

  /**
   * Opens a database and finds its rows: a table in the order of its row ids, or a query, whose result is stored in a temporary table.
   *
   * @throws {@link ConfigError} for a table that is not there, or a query without order; {@link MissingPeerError}; {@link FormatError}
   *   for what the database says about the file or the query
   */
  static async open(path: string, name: SqlEngineName, { table, query }: SqlSelection): Promise<SqlFile> {
    if (table !== undefined && query !== undefined)
      throw new ConfigError('openDataset options', [
        { field: 'query', message: 'cannot be given together with table' },
      ]);
    if (query !== undefined) checkOrdered(query);
    const source = new OwningSource(path);
    try {
      const engine = await explained(path, () => (name === 'sqlite' ? openSqlite(path) : openDuckDb(path)));
      source.onClose = () => engine.close();
      return await explained(path, async () => {
        if (query !== undefined)
          await engine.run(`CREATE TEMP TABLE ${resultTable} AS ${query.replace(/[;\s]+$/, '')}`);
        const chosen = query !== undefined ? resultTable : await chosenTable(path, engine, table);
        return new SqlFile(await partsOf(source, engine, chosen));
      });
    } catch (error) {
      source.close();
      throw error;
    }
  }

  get groupLengths(): readonly number[] {
    return Array.from(this.bounds.subarray(1), (end, k) => end - this.bounds[k]!);
  }

  bytesOfBlock(): [] {
    return [];
  }

  /** @throws {@link ObjectChangedError} if the database was written to; {@link FormatError} */
  async readBlock(block: number, columns: readonly string[]): Promise<TableBlock> {
    const { engine, table, rowId, firstIds } = this.#parts;
    const [start, end] = [this.bounds[block]!, this.bounds[block + 1]!];
    return explained(this.source.name, async () => {
      const last = block + 1 < firstIds.length ? ` AND ${rowId} < ${String(firstIds[block + 1])}` : '';
      // One column more than requested, so that no columns are a valid list too.
      const list = [...columns.map(quoted), `${rowId} AS millrace_row_id`].join(', ');
      const found = await engine.columns(
        `SELECT ${list} FROM ${quoted(table)} WHERE ${rowId} >= ${String(firstIds[block])}${last} ORDER BY ${rowId}`,
      );
      const count = found[0]?.length ?? 0;
      // The result of a query was copied when it ran.
      const isChanged = table !== resultTable && engine.isChanged();
      if (isChanged || count !== end - start) throw databaseChanged(this.source.name);
      return { start, columns: columns.map((_, k) => (row: number) => found[k]![row]) };
    });
  }
}

export function databaseChanged(file: string): ObjectChangedError {
  return new ObjectChangedError('The database was written to after it was opened', {
    where: { file },
    next: 'Open it again, or read a copy that no program writes to.',
  });
}

/** Identifies the content of a database: its file and what is not yet written into it. */
export async function databaseVersion(source: FileSource): Promise<string> {
  const logs = [`${source.name}-wal`, `${source.name}.wal`].filter(
    (log) => existsSync(log) && statSync(log).size > 0,
  );
  const parts = await Promise.all(
    logs.map(async (log) => {
      const opened = new FileSource(log);
      try {
        return await contentFingerprint(opened);
      } finally {
        opened.close();
      }
    }),
  );
  return fingerprint({ file: await contentFingerprint(source), logs: parts });
}

async function chosenTable(path: string, engine: SqlEngine, table: string | undefined): Promise<string> {
  const [found = []] = await engine.columns(engine.tablesQuery);
  const tables = found.map(String);
  if (table === undefined) return onlyTable(path, tables);
  if (tables.includes(table)) return table;
  throw unknownColumn({ owner: 'openDataset', field: 'table', noun: 'table' }, table, tables);
}

async function partsOf(source: OwningSource, engine: SqlEngine, table: string): Promise<SqlParts> {
  const [names = [], types = []] = await engine.columns(engine.columnsQuery(quotedText(table)));
  const columns = names.map((column, k) => ({ name: String(column), type: String(types[k]) || 'any' }));
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  const rowId = ['rowid', '_rowid_', 'oid'].find((id) => !taken.has(id));
  if (rowId === undefined) throw new Error(`all names of the row id are names of columns of ${table}`);
  const [ids = []] = await engine.columns(`SELECT ${rowId} AS id FROM ${quoted(table)} ORDER BY ${rowId}`);
  const bounds = new SharedNumbers();
  const firstIds: unknown[] = [];
  for (let row = 0; row < ids.length; row += engine.blockRows) {
    bounds.push(row);
    firstIds.push(ids[row]);
  }
  bounds.push(ids.length);
  return { source, engine, table, columns, firstIds, bounds: bounds.shared(), rowId };
}

/** Errors of a database name its file. */
async function explained<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    const message = messageOf(cause);
    throw new FormatError(`The database cannot be read: ${message}`, {
      where: { file },
      next: /no such column: _?row_?id|rowid/i.test(message)
        ? 'The table has no row ids: read it by a query with ORDER BY.'
        : 'Check the file, the table and the query.',
      cause,
    });
  }
}
