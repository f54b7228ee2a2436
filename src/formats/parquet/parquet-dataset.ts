import type { FileMetaData, ParquetQueryFilter } from 'hyparquet';
import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFiles } from '../data-files.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import type { DataFiles, FileFacts, TableFileFacts } from '../file-format.js';
import type { StreamOfFiles } from '../file-stream.js';
import { chooseRows, settingsOf } from '../tables/choose-rows.js';
import { columnsNamed } from '../tables/columns-named.js';
import { TableDataset, tableOptions } from '../tables/table-dataset.js';
import {
  type LaterShard,
  rowCountOf,
  shardsFromRecipe,
  type TableRowsRecipe,
  type TableSettings,
  type TableShard,
} from '../tables/table-rows.js';
import type { TableSchema } from '../tables/table-schema.js';
import type { Where } from '../where/where.js';
import { checkRowCount, laterFile } from './later-files.js';
import { type ParquetColumn, ParquetFile, type ParquetFileOptions } from './parquet-file.js';
import { ParquetStream } from './parquet-stream.js';
import { checkSameColumns } from './same-columns.js';

/** A row, by column name. */
export type ParquetRow = Readonly<Record<string, unknown>>;

export interface ParquetDatasetOptions extends StorageOptions {
  /** Columns of a sample; others are not read. @defaultValue all */
  readonly columns?: readonly string[];
  /**
   * Selects rows: `{ score: { gte: 0.5 }, lang: { in: ['en', 'de'] } }`. Row groups and pages that statistics rule out are not
   * read. @defaultValue all
   */
  readonly where?: Where;
  /**
   * The same in the words of hyparquet: `{ score: { $gte: 0.5 } }`, with `$and`, `$or`, `$nor`, `$not`. `$ne` and `$nin` select
   * missing values as well. @defaultValue all
   */
  readonly filter?: ParquetQueryFilter;
  /**
   * Number of decoded blocks that are kept: row groups, or 8,192 rows of one if the file has a page index.
   * @defaultValue `8`
   */
  readonly cacheBlocks?: number;
  /** The most bytes that a block of rows may expand to, all columns together. @defaultValue `2 ** 30` */
  readonly maxDecompressedBytes?: number;
}

const { columns, where, maxDecompressedBytes } = tableOptions;
const streamSchema = v.looseObject({ columns, where, maxDecompressedBytes });

const schema = v.looseObject({
  ...tableOptions,
  tableSchema: v.optional(v.custom<TableSchema>((value) => typeof value === 'object')),
  tableFiles: v.optional(v.custom<readonly TableFileFacts[]>(Array.isArray)),
  filter: v.optional(
    v.custom<ParquetQueryFilter>((value) => typeof value === 'object' && value !== null, 'must be an object'),
  ),
});

/**
 * Parquet: each row is an object by column, with the values that pyarrow reads. 64-bit integers are `bigint`, strings `string`,
 * other bytes `Uint8Array`, dates and timestamps `Date`, decimals the nearest numbers, geometry WKB bytes, lists arrays, groups
 * and maps objects, missing values `null`.
 *
 * A row is decoded with its block, and recent blocks are kept. Samples in file order come at the speed of the parser; in random
 * order, each may cost a block. If that is too slow, use `shuffle: 'shards'`, whose parts are row groups.
 */
export class ParquetDataset<T = ParquetRow> extends TableDataset<T, ParquetFile> {
  /** Names and types of the columns of a sample. */
  readonly columns: readonly ParquetColumn[];

  private constructor(
    shards: readonly (TableShard<ParquetFile> | LaterShard<ParquetFile>)[],
    settings: TableSettings,
  ) {
    super('ParquetDataset', shards, settings);
    const known = [...(settings.constants ?? []), ...this.rows.first.columns];
    this.columns = columnsNamed(settings.columns, known);
  }

  /**
   * Opens one or more files, which must have the same columns. Reads the footers, and the columns that a filter names.
   *
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if a file is damaged or has other columns;
   *   {@link ConfigError} for a column that is not there.
   */
  static async open<T = ParquetRow>(
    files: DataFiles,
    options: ParquetDatasetOptions & FileFacts = {},
  ): Promise<ParquetDataset<T>> {
    const parsed = parseOptions('ParquetDataset options', schema, options);
    const { columns, where, filter, constants, tableSchema, tableFiles, ...rest } = parsed;
    const { cacheBlocks, maxDecompressedBytes, ...storage } = rest;
    if (filter && where)
      throw new ConfigError('ParquetDataset options', [
        { field: 'filter', message: 'cannot be given together with where: move its conditions there' },
      ]);
    const sources = await openDataFiles(files, 'parquet', { ...storage, maxDecompressedBytes });
    const reading = { columns, maxDecompressedBytes, tableSchema };
    // The first says which types the columns have. A condition needs the rows of all.
    const isOpenedLater = (k: number) => k > 0 && !where && !filter && tableFiles?.[k]?.length !== undefined;
    return closingOnError(sources, async () => {
      const opened = await Promise.all(
        sources.map((source, k) =>
          isOpenedLater(k) ? undefined : openShard(source, reading, tableFiles?.[k]),
        ),
      );
      const now = opened.flatMap((shard) => shard ?? []);
      checkSameColumns(now.map(({ file }) => file));
      const stored = now[0]!.file.columnNames;
      const found = await chooseRows('ParquetDataset', now, stored, {
        columns,
        where,
        constants: constants && {
          ...constants,
          values: constants.values.filter((_, k) => opened[k] !== undefined),
        },
      });
      const chosen = filter ? await Promise.all(now.map((shard) => filtered(shard, filter))) : found.shards;
      const settings = {
        ...settingsOf(found, constants),
        cacheBlocks,
        maxDecompressedBytes,
        ...(tableSchema && { tableSchema }),
      };
      let next = 0;
      const shards = sources.map((source, k) => {
        if (!isOpenedLater(k)) return chosen[next++]!;
        const { fingerprint, length } = tableFiles![k]!;
        return laterFile({ source, fingerprint, length: length!, constants: constants?.values[k] }, settings);
      });
      return new ParquetDataset<T>(shards, settings);
    });
  }

  /**
   * Opens files to be read from start to end: a stream, which needs no length. Reads the footer of the first file; those of the others
   * when their first row is due. The files are dealt to at most 16 groups that are delivered in turn, so that workers read different
   * files; the order depends on the files alone. Its state is a row of a file: resuming reads no row again.
   *
   * ```ts
   * const rows = await ParquetDataset.stream('s3://bucket/train/', { columns: ['text'] });
   * ```
   *
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if the first file is damaged; {@link ConfigError} for a
   *   column that it does not have. Other files are checked when they are read.
   */
  static async stream<T = ParquetRow>(
    files: DataFiles,
    options: Omit<ParquetDatasetOptions, 'filter' | 'cacheBlocks'> = {},
  ): Promise<StreamOfFiles<T>> {
    const parsed = parseOptions('ParquetDataset options', streamSchema, options);
    const { columns, where, maxDecompressedBytes, ...storage } = parsed;
    const sources = await openDataFiles(files, 'parquet', { ...storage, maxDecompressedBytes });
    return closingOnError(sources, () =>
      ParquetStream.of<T>(sources, { columns, where, maxDecompressedBytes }),
    );
  }

  protected override identity() {
    // The selected rows identify the filter. `where` identifies itself, and what it tests; the log of a table, deleted rows.
    const chosen = this.rows.selections.map((rows) => (rows ? fingerprint(Array.from(rows)) : null));
    return { ...super.identity(), chosen };
  }

  /** @internal */
  get firstFile(): ParquetFile {
    return this.rows.first;
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<TableRowsRecipe, TableSettings>,
    make: MakeFromRecipe,
  ): Promise<ParquetDataset<unknown>> {
    const open = await shardsFromRecipe(rows, make, (source, _, footer) =>
      ParquetFile.fromFooter(source, footer as FileMetaData, settings),
    );
    const shards: (TableShard<ParquetFile> | LaterShard<ParquetFile>)[] = [...open];
    // In ascending order of position, so that each is inserted after the previous ones.
    for (const [k, { source, ...shard }] of rows.later ?? [])
      shards.splice(k, 0, laterFile({ ...shard, source: await make<ByteSource>(source) }, settings));
    return new ParquetDataset(shards, settings);
  }
}

async function openShard(
  source: ByteSource,
  options: ParquetFileOptions,
  facts: TableFileFacts | undefined,
): Promise<TableShard<ParquetFile>> {
  const [file, content] = await Promise.all([
    ParquetFile.open(source, options),
    facts?.fingerprint ?? contentFingerprint(source),
  ]);
  if (facts?.length !== undefined) checkRowCount(file, facts.length);
  const rows = await facts?.rowsLeft?.(rowCountOf(file));
  return { file, fingerprint: content, rows };
}

async function filtered(
  shard: TableShard<ParquetFile>,
  filter: ParquetQueryFilter,
): Promise<TableShard<ParquetFile>> {
  return { ...shard, rows: await shard.file.rowsWhere(filter) };
}
