import { importPeer } from '../../core/peer.js';
import { ownValue } from '../../core/record.js';
import type { SqlEngine } from './sql-engine.js';

/** What `node:sqlite` and `better-sqlite3` have in common. */
interface Statement {
  all(): Readonly<Record<string, unknown>>[];
  run(): unknown;
  setReadBigInts?(on: boolean): void;
  safeIntegers?(on: boolean): unknown;
}

interface Database {
  prepare(sql: string): Statement;
  close(): void;
}

type DatabaseClass = new (path: string, options: object) => Database;

/** Opens a database for reading, by `node:sqlite` if this Node.js has it, otherwise by `better-sqlite3`. @throws {@link MissingPeerError} */
export async function openSqlite(path: string): Promise<SqlEngine> {
  const database = await open(path);
  const rows = (sql: string) => {
    const statement = database.prepare(sql);
    // Otherwise node:sqlite refuses whole numbers beyond 2^53, and better-sqlite3 rounds them.
    statement.setReadBigInts?.(true);
    statement.safeIntegers?.(true);
    return statement.all();
  };
  const version = () => rows('PRAGMA data_version')[0]!.data_version;
  const opened = version();
  return {
    blockRows: 256,
    tablesQuery:
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    columnsQuery: (table) => `SELECT name, type FROM pragma_table_info(${table}) ORDER BY cid`,
    async run(sql) {
      database.prepare(sql).run();
    },
    async columns(sql) {
      const found = rows(sql);
      const names = Object.keys(found[0] ?? {});
      return names.map((name) => found.map((row) => plain(ownValue(row, name))));
    },
    isChanged: () => version() !== opened,
    close: () => database.close(),
  };
}

async function open(path: string): Promise<Database> {
  const builtIn = process.getBuiltinModule?.('node:sqlite' as 'node:fs') as
    | { readonly DatabaseSync?: DatabaseClass }
    | undefined;
  if (builtIn?.DatabaseSync) return new builtIn.DatabaseSync(path, { readOnly: true });
  const peer = await importPeer<{ readonly default: DatabaseClass }>('better-sqlite3', 'A SQLite database');
  return new peer.default(path, { readonly: true, fileMustExist: true });
}

/** Whole numbers as JSON has them: `bigint` only beyond 2^53 - 1. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}
