import { resolve } from 'node:path';
import { ConfigError, ObjectChangedError } from '../../core/errors.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { setOwn } from '../../core/record.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import type { FormatOptions, StoredColumn } from '../file-format.js';
import { chooseRows, settingsOf } from '../tables/choose-rows.js';
import { columnsNamed } from '../tables/columns-named.js';
import { reopenedTable } from '../tables/reopened-table.js';
import { TableDataset } from '../tables/table-dataset.js';
import type { TableRowsRecipe, TableSettings, TableShard } from '../tables/table-rows.js';
import { LanceFile, tableOfManifest } from './lance-file.js';
import { RowRequests } from './row-requests.js';

type Row = Readonly<Record<string, unknown>>;

/**
 * A version of a Lance table, in the order in which it stores its rows, without deleted ones. Rows are read by their numbers, those
 * of a batch together.
 */
export class LanceDataset extends TableDataset<Row, LanceFile> {
  /** Names and Arrow types of the columns of a sample. */
  readonly columns: readonly StoredColumn[];
  readonly #requests: RowRequests<Row>;

  private constructor(shards: readonly TableShard<LanceFile>[], settings: TableSettings) {
    super('LanceDataset', shards, settings);
    this.columns = columnsNamed(settings.columns, this.rows.first.columns);
    this.#requests = new RowRequests((rows) => this.#read(rows));
  }

  /** @throws what {@link LanceFile.open} throws; {@link ConfigError} for a table that is not in a local folder */
  static async open(name: string, { version, columns, where }: FormatOptions): Promise<LanceDataset> {
    const folder = lanceFolder(name);
    if (typeof version === 'bigint')
      throw new ConfigError('openDataset options', [
        {
          field: 'version',
          message: `${version}n is not a version of a Lance table, which is a number or a tag`,
        },
      ]);
    const file = await LanceFile.open(folder, version);
    return closingOnError([file.source], async () => {
      const shard = { file, fingerprint: await contentFingerprint(file.source) };
      const names = file.columns.map((column) => column.name);
      const found = await chooseRows('LanceDataset', [shard], names, {
        columns,
        where,
        constants: undefined,
      });
      return new LanceDataset(found.shards, {
        ...settingsOf(found, undefined),
        cacheBlocks: 1,
        maxDecompressedBytes: Number.MAX_SAFE_INTEGER,
      });
    });
  }

  /** @throws {@link IndexRangeError}; {@link FormatError} if the row cannot be read. */
  override get(index: number): Promise<Row> {
    const { row } = this.rows.place(index);
    return this.#requests.get(row as number);
  }

  async #read(rows: readonly number[]): Promise<(place: number) => Row> {
    const { columns } = this.settings;
    const values = await this.rows.first.readRows(rows, columns);
    return (place) => {
      const made: Record<string, unknown> = {};
      for (const [k, column] of columns.entries()) setOwn(made, column, values[k]!(place));
      return made;
    };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<TableRowsRecipe, TableSettings>,
    make: MakeFromRecipe,
  ): Promise<LanceDataset> {
    const shard = await reopenedTable(rows, make, {
      open(path, footer) {
        const { folder, version } = tableOfManifest(path);
        return LanceFile.open(folder, version, footer as Float64Array | undefined);
      },
      versionOf: ({ source }) => contentFingerprint(source),
      changed: (file) =>
        new ObjectChangedError('The Lance table was replaced after it was opened', {
          where: { file },
          next: 'Open it again.',
        }),
    });
    return new LanceDataset([shard], settings);
  }
}

function lanceFolder(name: string): string {
  const problem = (message: string) => new ConfigError('openDataset options', [{ field: 'files', message }]);
  if (isRemote(name)) throw problem(`${name} is a Lance table behind a URL; copy it to a local disk`);
  const folder = resolve(localPath(name));
  if (!folder.endsWith('.lance'))
    throw problem(`${name} is a Lance table whose name does not end in .lance; rename the folder`);
  return folder;
}
