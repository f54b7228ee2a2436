import { importPeer, peerRequire } from '../../core/peer.js';

const packageName = '@lancedb/lancedb';

/** What is used of `@lancedb/lancedb`. */
export interface LancePackage {
  connect(folder: string): Promise<LanceConnection>;
}

export interface LanceConnection {
  openTable(name: string): Promise<LanceTable>;
  close(): void;
}

export interface LanceTable {
  /** A schema of `apache-arrow`. */
  schema(): Promise<object>;
  version(): Promise<number>;
  checkout(version: number | string): Promise<void>;
  listVersions(): Promise<readonly { readonly version: number }[]>;
  tags(): Promise<{ list(): Promise<Readonly<Record<string, unknown>>> }>;
  countRows(): Promise<number>;
  takeOffsets(offsets: readonly number[]): LanceQuery;
  takeRowIds(ids: readonly number[]): LanceQuery;
  /** All rows, in stored order. */
  query(): LanceQuery;
  close(): void;
}

/** The result of `takeOffsets` and `takeRowIds` is in stored order. */
interface LanceQuery {
  select(columns: readonly string[]): LanceQuery;
  /** Adds the column `_rowid`. */
  withRowId(): LanceQuery;
  toArrow(): Promise<ArrowTable>;
}

/** A table of `apache-arrow`. */
type ArrowTable = object;

/** What is used of `apache-arrow`. */
export interface ArrowPackage {
  readonly Table: new (schema: object) => ArrowTable;
  tableToIPC(table: ArrowTable, format: 'stream'): Uint8Array;
}

/** Loads the package that reads Lance. @throws {@link MissingPeerError} */
export async function lancePackage(): Promise<LancePackage> {
  return importPeer<LancePackage>(packageName, 'A Lance table');
}

/** The `apache-arrow` of the package. Another copy of it does not know the package's tables. */
export function arrowOfLance(): ArrowPackage {
  const { createRequire } = process.getBuiltinModule('node:module');
  return createRequire(peerRequire().resolve(packageName))('apache-arrow') as ArrowPackage;
}
