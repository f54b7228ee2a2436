import { ConfigError } from '../../core/errors.js';

/** The databases that are read through a package. */
export type SqlEngineName = 'sqlite' | 'duckdb';

/** A database that is open for reading. */
export interface SqlEngine {
  /** Rows that are read together. */
  readonly blockRows: number;
  /** Lists the tables, by a column of names. */
  readonly tablesQuery: string;
  /** Lists names and types of the columns of a table. @param table - As a text in SQL */
  columnsQuery(table: string): string;
  /** Runs a statement that returns nothing. */
  run(sql: string): Promise<void>;
  /** Rows of a result, column by column. */
  columns(sql: string): Promise<readonly (readonly unknown[])[]>;
  /** Whether another connection has written to the database since it was opened. */
  isChanged(): boolean;
  close(): void;
}

/** What is read: a table by its name, or the result of a query. */
export interface SqlSelection {
  readonly table?: string | undefined;
  readonly query?: string | undefined;
}

/** Name of the temporary table that holds the result of a query. */
export const resultTable = 'millrace_result';

/** A name in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text in SQL. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Checks that a query orders its result: databases promise no order without it, so a resumed run would read other rows.
 *
 * @throws {@link ConfigError}
 */
export function checkOrdered(query: string): void {
  let outer = query.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ').replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, ' ');
  // From the innermost parentheses outwards.
  for (let inner = ''; inner !== outer; ) {
    inner = outer;
    outer = outer.replace(/\([^()]*\)/g, ' ');
  }
  if (/\border\s+by\b/i.test(outer)) return;
  throw new ConfigError(
    'openDataset options',
    [{ field: 'query', message: 'has no ORDER BY, so its rows may come in another order each time' }],
    { next: 'Order by columns that are unique together, such as ORDER BY id.' },
  );
}

/** The only table of a database. @throws {@link ConfigError} if there are several, or none */
export function onlyTable(file: string, tables: readonly string[]): string {
  if (tables.length === 1) return tables[0]!;
  const listed = tables.length === 0 ? 'there are none' : `there are ${tables.join(', ')}`;
  throw new ConfigError('openDataset options', [
    { field: 'table', message: `names no table of ${file}; ${listed}. Name one, or give a query` },
  ]);
}
