import type { ParquetQueryFilter } from 'hyparquet';
import * as v from 'valibot';
import type { Dataset, IndexArray } from '../../core/dataset.js';
import { FormatError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { defaultDecompressedBytes } from '../../storage/decompressed-limit.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { chooseColumns } from '../choose-columns.js';
import { type DataFiles, openDataFiles } from '../data-files.js';
import { TableRows, type TableShard } from '../tables/table-rows.js';
import { type ParquetColumn, ParquetFile, type ParquetFileOptions } from './parquet-file.js';

/** File name endings of Parquet. */
export const parquetEndings = ['.parquet', '.pq'];

/** A row by column. */
export type ParquetRow = Readonly<Record<string, unknown>>;

export interface ParquetDatasetOptions extends StorageOptions {
  /** Which columns a sample has; the others are not read. @defaultValue all */
  readonly columns?: readonly string[];
  /**
   * Which rows are samples: `{ score: { $gte: 0.5 }, lang: { $in: ['en', 'de'] } }`, with `$and`, `$or`, `$nor`, `$not`. Row groups and
   * pages that their statistics rule out are not read. @defaultValue all
   */
  readonly filter?: ParquetQueryFilter;
  /**
   * Blocks of rows that are kept decoded: row groups, or 8,192 rows of one where the file has an index of its pages.
   * @defaultValue `8`
   */
  readonly cacheBlocks?: number;
  /** The most bytes that a block of rows may expand to, all columns together. @defaultValue `2 ** 30` */
  readonly maxDecompressedBytes?: number;
}

const schema = v.looseObject({
  columns: v.optional(v.array(v.string())),
  filter: v.optional(
    v.custom<ParquetQueryFilter>((value) => typeof value === 'object' && value !== null, 'must be an object'),
  ),
  cacheBlocks: v.optional(integerFrom(1), 8),
  maxDecompressedBytes: v.optional(integerFrom(1), defaultDecompressedBytes),
});

interface Shard extends TableShard<ParquetFile> {
  readonly fingerprint: string;
}

interface ParquetRecipe {
  readonly shards: readonly {
    readonly source: Recipe;
    readonly fingerprint: string;
    readonly rows?: Float64Array | undefined;
  }[];
  readonly columns: readonly string[];
  readonly cacheBlocks: number;
  readonly maxDecompressedBytes: number;
}

/**
 * Parquet: each row an object by column, with the values that pyarrow reads. 64-bit integers are `bigint`, strings `string`, other bytes
 * `Uint8Array`, dates and timestamps `Date`, decimals the nearest numbers, geometry WKB bytes, lists arrays, groups and maps objects, missing values `null`.
 *
 * A row is decoded with its neighbors, and the blocks used last are kept: samples in the order of the file come about as fast as
 * the parser gives them, samples in any order cost a block each. Where that is too slow, shuffle block by block with
 * `shuffle: 'shards'`: the parts are row groups.
 */
export class ParquetDataset<T = ParquetRow> implements Dataset<T>, Movable {
  /** Names and types of the columns of a sample. */
  readonly columns: readonly ParquetColumn[];
  readonly #shards: readonly Shard[];
  readonly #cacheBlocks: number;
  readonly #maxDecompressedBytes: number;
  readonly #rows: TableRows<ParquetFile>;

  private constructor(
    shards: readonly Shard[],
    { cacheBlocks, maxDecompressedBytes }: { cacheBlocks: number; maxDecompressedBytes: number },
  ) {
    this.#shards = shards;
    this.columns = shards[0]!.file.columns;
    this.#cacheBlocks = cacheBlocks;
    this.#maxDecompressedBytes = maxDecompressedBytes;
    this.#rows = new TableRows(shards, {
      owner: 'ParquetDataset',
      columns: this.columns.map(({ name }) => name),
      cacheBlocks,
      readBlock: (file, block) => file.readBlock(block),
    });
  }

  /**
   * Opens one file or several, which have the same columns. Reads footers alone, and with a filter the columns that it looks at.
   *
   * @throws {@link StorageError} when one cannot be read; {@link FormatError} when one is damaged or has other columns;
   *   {@link ConfigError} for a column that is not there.
   */
  static async open<T = ParquetRow>(
    files: DataFiles,
    options: ParquetDatasetOptions = {},
  ): Promise<ParquetDataset<T>> {
    const { columns, filter, cacheBlocks, maxDecompressedBytes, ...storage } = parseOptions(
      'ParquetDataset options',
      schema,
      options,
    );
    const sources = await openDataFiles(files, parquetEndings, { ...storage, maxDecompressedBytes });
    try {
      const opened = await Promise.all(
        sources.map((source) => openShard(source, { columns, maxDecompressedBytes })),
      );
      chooseColumns({ owner: 'ParquetDataset' }, columns, opened[0]!.file.columnNames);
      checkSameColumns(opened);
      const shards = filter ? await Promise.all(opened.map((shard) => filtered(shard, filter))) : opened;
      return new ParquetDataset(shards, { cacheBlocks, maxDecompressedBytes });
    } catch (error) {
      for (const source of sources) source.close();
      throw error;
    }
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Samples of each row group; of each file where a filter chooses among the rows. */
  get shardLengths(): readonly number[] {
    return this.#shards.flatMap(({ file, rows }) => (rows ? [rows.length] : file.groupLengths));
  }

  /** @throws {@link FormatError} where the pages that hold the row are damaged. */
  get(index: number): MaybePromise<T> {
    return this.#rows.get(index) as MaybePromise<T>;
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#rows.prefetch(indices);
  }

  fingerprint(): string {
    const files = this.#shards.map((shard) => shard.fingerprint);
    // Rows of a filter are known, so that they identify it.
    const chosen = this.#shards.map(({ rows }) => rows && fingerprint(Array.from(rows)));
    const columns = this.columns.map(({ name }) => name);
    return fingerprint({
      kind: 'ParquetDataset',
      columns,
      files,
      chosen: chosen.map((rows) => rows ?? null),
    });
  }

  [toRecipe](): Recipe {
    const shards = this.#shards.map(({ file, fingerprint, rows }) => ({
      source: recipeOf(file.source, 'source'),
      fingerprint,
      rows,
    }));
    const args: ParquetRecipe = {
      shards,
      columns: this.columns.map(({ name }) => name),
      cacheBlocks: this.#cacheBlocks,
      maxDecompressedBytes: this.#maxDecompressedBytes,
    };
    return { builtIn: 'ParquetDataset', args };
  }

  static async fromRecipe(
    { shards, columns, cacheBlocks, maxDecompressedBytes }: ParquetRecipe,
    make: MakeFromRecipe,
  ): Promise<ParquetDataset<unknown>> {
    const made = shards.map(async ({ source, fingerprint, rows }) => ({
      file: await ParquetFile.open((await make(source)) as ByteSource, { columns, maxDecompressedBytes }),
      fingerprint,
      rows,
    }));
    return new ParquetDataset(await Promise.all(made), { cacheBlocks, maxDecompressedBytes });
  }

  close(): void {
    this.#rows.close();
  }
}

async function openShard(source: ByteSource, options: ParquetFileOptions): Promise<Shard> {
  const [file, content] = await Promise.all([ParquetFile.open(source, options), contentFingerprint(source)]);
  return { file, fingerprint: content };
}

async function filtered(shard: Shard, filter: ParquetQueryFilter): Promise<Shard> {
  return { ...shard, rows: await shard.file.rowsWhere(filter) };
}

function checkSameColumns(shards: readonly Shard[]): void {
  const described = shards.map(({ file }) =>
    file.columns.map(({ name, type }) => `${name}: ${type}`).join(', '),
  );
  const other = described.findIndex((columns) => columns !== described[0]);
  if (other < 0) return;
  throw new FormatError('Two files have different columns', {
    where: {
      file: shards[other]!.file.source.name,
      columns: described[other]!,
      firstFile: shards[0]!.file.source.name,
      firstColumns: described[0]!,
    },
    next: 'Choose columns that all have with { columns: […] }, or open them as two datasets.',
  });
}
