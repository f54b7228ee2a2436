import { importPeer } from '../../core/peer.js';
import type { SqlEngine } from './sql-engine.js';

/** What is used of `@duckdb/node-api`. */
interface DuckDb {
  readonly DuckDBInstance: {
    create(path: string, options: Readonly<Record<string, string>>): Promise<Instance>;
  };
}

interface Instance {
  connect(): Promise<{
    run(sql: string): Promise<unknown>;
    runAndReadAll(sql: string): Promise<{ getColumnsJS(): unknown[][] }>;
    closeSync(): void;
  }>;
  closeSync(): void;
}

/** Opens a database for reading. @throws {@link MissingPeerError} */
export async function openDuckDb(path: string): Promise<SqlEngine> {
  const { DuckDBInstance } = await importPeer<DuckDb>('@duckdb/node-api', 'A DuckDB database');
  const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  return {
    blockRows: 2_048,
    tablesQuery:
      'SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY table_name',
    columnsQuery: (table) =>
      `SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ${table} ORDER BY column_index`,
    async run(sql) {
      await connection.run(sql);
    },
    async columns(sql) {
      const columns = (await connection.runAndReadAll(sql)).getColumnsJS();
      return columns.map((values) => values.map(plain));
    },
    // A file that DuckDB reads cannot be written.
    isChanged: () => false,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Bytes as other formats have them: not as a Buffer, which shares its memory. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}
