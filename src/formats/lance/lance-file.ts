import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError, FormatError, MillraceError } from '../../core/errors.js';
import { firstAbove } from '../../core/first-above.js';
import { messageOf } from '../../core/thrown.js';
import { MemorySource } from '../../storage/memory-source.js';
import { ArrowFile } from '../arrow/arrow-file.js';
import { typeText } from '../arrow/arrow-schema.js';
import type { StoredColumn } from '../file-format.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { OwningSource } from '../tables/owning-source.js';
import { rowCountOf, type TableBlock, type TableFile } from '../tables/table-rows.js';
import {
  type ArrowPackage,
  arrowOfLance,
  type LanceConnection,
  type LanceTable,
  lancePackage,
} from './lance-package.js';

/** Rows that are read together when a condition is tested. */
const blockRows = 8_192;

/** Newer writers count versions backwards in the names of manifests, so that a listing starts with the newest. */
const newestManifest = 2n ** 64n - 1n;

interface LanceParts {
  readonly source: OwningSource;
  readonly table: LanceTable;
  readonly arrow: ArrowPackage;
  readonly columns: readonly StoredColumn[];
  readonly rowCount: number;
  /** Ids of the rows of a table with deleted rows. Reading such a table by offset takes time for each deleted row. */
  readonly rowIds: Float64Array | undefined;
}

/** Name of the column of row ids. */
const idColumn = '_rowid';

/** One version of a Lance table. Its `source` is the manifest of the version, which lists the data files. */
export class LanceFile implements TableFile {
  readonly source: OwningSource;
  readonly columns: readonly StoredColumn[];
  /** Lance reads any rows at once. These blocks serve to test a condition. */
  readonly bounds: Float64Array;
  readonly groupLengths: readonly number[];
  /** The row ids, if they are used, so that workers do not read them again. */
  readonly footer: Float64Array | undefined;
  readonly #table: LanceTable;
  readonly #arrow: ArrowPackage;

  private constructor({ source, table, arrow, columns, rowCount, rowIds }: LanceParts) {
    this.source = source;
    this.columns = columns;
    this.groupLengths = rowCount > 0 ? [rowCount] : [];
    const blocks = Math.ceil(rowCount / blockRows);
    this.bounds = Float64Array.from({ length: blocks + 1 }, (_, k) => Math.min(k * blockRows, rowCount));
    this.footer = rowIds;
    this.#table = table;
    this.#arrow = arrow;
  }

  /**
   * Opens a table.
   *
   * @param folder - Absolute path, ending in `.lance`.
   * @param version - Number or tag. @defaultValue the newest
   * @param footer - That of another instance, which saves reading the row ids.
   * @throws {@link MissingPeerError}; {@link ConfigError} for a version that the table does not have; {@link FormatError} for what
   *   the package says about the table
   */
  static async open(
    folder: string,
    version: number | string | undefined,
    footer?: Float64Array,
  ): Promise<LanceFile> {
    const { connect } = await lancePackage();
    const arrow = arrowOfLance();
    return explained(folder, async () => {
      const connection = await connect(dirname(folder));
      let table: LanceTable | undefined;
      try {
        table = await connection.openTable(basename(folder, '.lance'));
        if (version !== undefined) await checkOut(folder, table, version);
        return await LanceFile.#of(folder, { connection, table, arrow, footer });
      } catch (error) {
        table?.close();
        connection.close();
        throw error;
      }
    });
  }

  static async #of(folder: string, { connection, table, arrow, footer }: OpenedTable): Promise<LanceFile> {
    const version = await table.version();
    // The newest version is followed by later ones until it is fixed.
    await table.checkout(version);
    const empty = await arrowFile(arrow, new arrow.Table(await table.schema()), folder);
    const columns = empty.fields.map((field) => ({ name: field.name, type: typeText(field) }));
    const rowCount = await table.countRows();
    const hasDeletions = existsSync(join(folder, '_deletions'));
    const rowIds = footer ?? (hasDeletions ? await rowIdsOf(arrow, table, folder) : undefined);
    const source = new OwningSource(manifestOf(folder, version));
    source.onClose = () => {
      table.close();
      connection.close();
    };
    return new LanceFile({ source, table, arrow, columns, rowCount, rowIds });
  }

  bytesOfBlock(): [] {
    return [];
  }

  async readBlock(block: number, columns: readonly string[]): Promise<TableBlock> {
    const start = this.bounds[block]!;
    const rows = Array.from({ length: this.bounds[block + 1]! - start }, (_, k) => start + k);
    return { start, columns: await this.readRows(rows, columns) };
  }

  /**
   * Reads columns of rows.
   *
   * @param rows - Ascending, each once.
   * @returns The values of each column, by place in `rows`
   * @throws {@link FormatError}
   */
  async readRows(
    rows: readonly number[],
    columns: readonly string[],
  ): Promise<readonly ((place: number) => unknown)[]> {
    const name = this.source.name;
    return explained(name, async () => {
      const { footer: rowIds } = this;
      const query = rowIds
        ? this.#table.takeRowIds(rows.map((row) => rowIds[row]!))
        : this.#table.takeOffsets(rows);
      // With row ids, no columns are a valid list too.
      const found = await query.select(columns).withRowId().toArrow();
      const file = await arrowFile(this.#arrow, found, name);
      const values = await valuesOf(file, rowIds ? [...columns, idColumn] : columns);
      if (rowCountOf(file) !== rows.length)
        throw new Error(`${rowCountOf(file)} of ${rows.length} rows were found`);
      if (!rowIds) return values;
      const idOf = values.pop()!;
      const places = new Map(rows.map((_, place) => [Number(idOf(place)), place]));
      return values.map((value) => (place: number) => value(places.get(rowIds[rows[place]!]!)!));
    });
  }
}

interface OpenedTable {
  readonly connection: LanceConnection;
  readonly table: LanceTable;
  readonly arrow: ArrowPackage;
  readonly footer: Float64Array | undefined;
}

/** The values of columns by row of the file. */
async function valuesOf(file: ArrowFile, columns: readonly string[]): Promise<((row: number) => unknown)[]> {
  const blocks = await Promise.all(file.groupLengths.map((_, k) => file.readBlock(k, columns)));
  return columns.map((_, k) => (row) => {
    const { start, columns: values } = blocks[firstAbove(file.bounds, row) - 1]!;
    return values[k]!(row - start);
  });
}

async function rowIdsOf(arrow: ArrowPackage, table: LanceTable, name: string): Promise<Float64Array> {
  const file = await arrowFile(arrow, await table.query().select([]).withRowId().toArrow(), name);
  const [idOf] = await valuesOf(file, [idColumn]);
  const ids = new SharedNumbers();
  for (let row = 0; row < rowCountOf(file); row++) {
    const id = Number(idOf!(row));
    if (!Number.isSafeInteger(id)) throw new Error(`row ${row} has an id above 2^53 - 1`);
    ids.push(id);
  }
  return ids.shared();
}

async function checkOut(folder: string, table: LanceTable, version: number | string): Promise<void> {
  const known: readonly (number | string)[] =
    typeof version === 'number'
      ? (await table.listVersions()).map((each) => each.version)
      : Object.keys(await (await table.tags()).list());
  if (known.includes(version)) return table.checkout(version);
  const noun = typeof version === 'number' ? 'version' : 'tag';
  const listed = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;
  throw new ConfigError('openDataset options', [
    { field: 'version', message: `${folder} has no ${noun} ${version}; ${listed}` },
  ]);
}

function manifestOf(folder: string, version: number): string {
  const names = [newestManifest - BigInt(version), version].map((name) => `${name}.manifest`);
  const paths = names.map((name) => join(folder, '_versions', name));
  const path = paths.find((each) => existsSync(each));
  if (path === undefined) throw new Error(`version ${version} has no manifest in _versions`);
  return path;
}

/** The table and the version of a manifest. */
export function tableOfManifest(path: string): { readonly folder: string; readonly version: number } {
  const number = BigInt(basename(path, '.manifest'));
  // Half of the numbers are more versions than a table can have.
  const version = number > newestManifest / 2n ? newestManifest - number : number;
  return { folder: dirname(dirname(path)), version: Number(version) };
}

function arrowFile(arrow: ArrowPackage, table: object, name: string): Promise<ArrowFile> {
  const bytes = arrow.tableToIPC(table, 'stream');
  return ArrowFile.open(new MemorySource(bytes, name), { maxDecompressedBytes: Number.MAX_SAFE_INTEGER });
}

/** Errors of the package name the table. Its messages end with a place in its own source code. */
async function explained<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    const message = messageOf(cause).replace(/, (?:\/|[a-z]+\/)[^ ]*\.rs:\d+(?::\d+)?/g, '');
    throw new FormatError(`The Lance table cannot be read: ${message}`, {
      where: { file },
      next: 'Check that the folder is a whole Lance table, and that the package is new enough for it.',
      cause,
    });
  }
}
