import type { IndexArray } from '../../core/dataset.js';
import type { ErrorLocation } from '../../core/errors.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import type { Json, JsonObject } from '../../core/json.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Recipe, recipeOf } from '../../core/recipe.js';
import { ownValue, setOwn } from '../../core/record.js';
import type { ByteSource } from '../../storage/byte-source.js';
import type { FileRows } from '../file-dataset.js';
import type { StoredColumn } from '../file-format.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from '../records/prefetch-range.js';
import { type Constants, constantsJson } from '../where/test-row.js';
import type { WhereNode } from '../where/where.js';
import { BlockCache } from './block-cache.js';
import type { TableSchema } from './table-schema.js';

/** A file whose rows are decoded block by block. */
export interface TableFile {
  readonly source: ByteSource;
  /** Shape `[blocks + 1]`: the first row of each block, and the number of rows. */
  readonly bounds: Float64Array;
  /** Byte ranges of a block, as far as they are known without reading it. */
  bytesOfBlock(block: number): readonly { readonly start: number; readonly end: number }[];
  /** Decodes columns of the rows of a block. */
  readBlock(block: number, columns: readonly string[]): Promise<TableBlock>;
  /** Ranges of rows that may pass a condition, by statistics. Without this method, all may. */
  rangesThatMayPass?(
    node: WhereNode,
  ): Promise<readonly { readonly rowStart: number; readonly rowEnd: number }[]>;
  /** Rows of each part that a writer wrote as a whole: row groups, record batches. */
  readonly groupLengths: readonly number[];
  /** What the file says about itself, as plain data, if another thread can do with it instead of reading it again. */
  readonly footer?: unknown;
}

/** Rows of a file, column by column. */
export interface TableBlock {
  /** The first row. */
  readonly start: number;
  /** The values of a column, by row of the block. */
  readonly columns: readonly ((row: number) => unknown)[];
}

export interface TableShard<F extends TableFile> {
  readonly file: F;
  /** Fingerprint of the file's content. */
  readonly fingerprint: string;
  /** Rows that are samples; `undefined`: all. */
  readonly rows?: Float64Array | undefined;
  /** Columns that have one value in the whole file, which is not stored in it. */
  readonly constants?: Constants | undefined;
}

/** A file that is opened when its first row is read, since something else says how many rows it has. */
export interface LaterShard<F extends TableFile> extends Omit<TableShard<F>, 'file' | 'rows'> {
  readonly source: ByteSource;
  readonly length: number;
  /** Opens the file, and checks that it is what was said about it. */
  open(): Promise<TableShard<F>>;
}

/** What a worker needs to open a file when its first row is read. */
export interface LaterShardRecipe {
  readonly source: Recipe;
  readonly fingerprint: string;
  readonly length: number;
  readonly constants?: Constants | undefined;
}

export interface TableSettings {
  /** The columns of a row. */
  readonly columns: readonly string[];
  /** The condition that rows pass, for the fingerprint. */
  readonly where?: Json | undefined;
  /** Columns of folder names, with their types. */
  readonly constants?: readonly StoredColumn[] | undefined;
  /** Number of decoded blocks that are kept. */
  readonly cacheBlocks: number;
  /** The most bytes that a block may expand to. */
  readonly maxDecompressedBytes: number;
  /** The columns of the table that Parquet files belong to. */
  readonly tableSchema?: TableSchema;
}

/** What a worker needs to open the same tables. */
export interface TableRowsRecipe {
  readonly shards: readonly {
    readonly source: Recipe;
    readonly fingerprint: string;
    readonly bounds: Float64Array;
    readonly rows?: Float64Array | undefined;
    readonly constants?: Constants | undefined;
    readonly footer?: unknown;
  }[];
  /** By place among all files. */
  readonly later?: readonly (readonly [number, LaterShardRecipe])[];
}

/** The number of rows of a file. */
export function rowCountOf({ bounds }: Pick<TableFile, 'bounds'>): number {
  return bounds[bounds.length - 1]!;
}

/** Rows of several files as objects by column, with a cache of decoded blocks. */
export class TableRows<F extends TableFile> implements FileRows {
  readonly decodesShards = true;
  readonly #owner: string;
  readonly #shards: (TableShard<F> | LaterShard<F>)[];
  readonly #opening = new Map<number, Promise<void>>();
  /** Number of samples in the files up to and including each. */
  readonly #ends: Float64Array;
  readonly #settings: TableSettings;
  /** The columns that each file stores. */
  readonly #stored: (readonly string[])[];
  /** The first file. */
  readonly first: F;
  /** Samples of each row group or record batch; of each file if a filter selects rows, or if it is opened later. */
  readonly shardLengths: readonly number[];
  /** The rows that a filter selects in each file; `undefined`: all. */
  readonly selections: readonly (Float64Array | undefined)[];
  readonly #blocks: BlockCache<TableBlock>;

  /**
   * @param owner - The dataset class, for messages.
   * @param shards - The first is open.
   */
  constructor(owner: string, shards: readonly (TableShard<F> | LaterShard<F>)[], settings: TableSettings) {
    this.#owner = owner;
    this.#shards = [...shards];
    const [first] = shards;
    if (!first || isLater(first)) throw new RangeError('The first file must be open');
    this.first = first.file;
    let end = 0;
    this.#ends = Float64Array.from(shards, (shard) => {
      end += isLater(shard) ? shard.length : (shard.rows?.length ?? rowCountOf(shard.file));
      return end;
    });
    this.shardLengths = shards.flatMap((shard) => {
      if (isLater(shard)) return shard.length > 0 ? [shard.length] : [];
      if (!shard.rows) return shard.file.groupLengths;
      return shard.rows.length > 0 ? [shard.rows.length] : [];
    });
    this.selections = shards.map((shard) => (isLater(shard) ? undefined : shard.rows));
    this.#settings = settings;
    this.#stored = shards.map((shard) => this.#storedIn(shard));
    const blocks = shards.reduce(
      (sum, shard) => sum + (isLater(shard) ? 1 : shard.file.bounds.length - 1),
      0,
    );
    this.#blocks = new BlockCache(settings.cacheBlocks, { owner, blocks, rows: end });
  }

  get length(): number {
    return this.#ends[this.#ends.length - 1]!;
  }

  identity(): JsonObject {
    const constants = this.#shards.map(({ constants }) => (constants ? constantsJson(constants) : null));
    return {
      files: this.#shards.map(({ fingerprint }) => fingerprint),
      ...(constants.some((each) => each !== null) && { constants }),
    };
  }

  /** Where a row is stored: file, and row in the file. */
  place(index: number): ErrorLocation {
    const { shard, place } = this.#find(index);
    const found = this.#shards[shard]!;
    if (isLater(found)) return { file: found.source.name, row: place };
    return { file: found.file.source.name, row: found.rows ? found.rows[place]! : place };
  }

  recipe(): TableRowsRecipe {
    const later: [number, LaterShardRecipe][] = [];
    const shards = this.#shards.flatMap((shard, k) => {
      const { fingerprint, constants } = shard;
      if (isLater(shard)) {
        later.push([
          k,
          { source: recipeOf(shard.source, 'source'), fingerprint, length: shard.length, constants },
        ]);
        return [];
      }
      const { source, bounds, footer } = shard.file;
      return [
        {
          source: recipeOf(source, 'source'),
          fingerprint,
          bounds,
          rows: shard.rows,
          constants,
          footer,
        },
      ];
    });
    return { shards, ...(later.length > 0 && { later }) };
  }

  /** @throws {@link IndexRangeError}; {@link FormatError} if the block that holds the row is damaged */
  get(index: number): MaybePromise<Record<string, unknown>> {
    const { shard, place } = this.#find(index);
    const found = this.#shards[shard]!;
    if (isLater(found)) return this.#open(shard, found).then(() => this.get(index));
    const { file, rows, constants } = found;
    const row = rows ? rows[place]! : place;
    const block = firstAbove(file.bounds, row) - 1;
    const names = this.#stored[shard]!;
    return andThen(
      this.#blocks.get(`${shard}/${block}`, () => file.readBlock(block, names)),
      ({ start, columns }) => {
        const made: Record<string, unknown> = {};
        if (!constants) {
          for (let k = 0; k < columns.length; k++) setOwn(made, names[k]!, columns[k]!(row - start));
          return made;
        }
        let k = 0;
        for (const name of this.#settings.columns) {
          const value = names[k] === name ? columns[k++]!(row - start) : (ownValue(constants, name) ?? null);
          setOwn(made, name, value);
        }
        return made;
      },
    );
  }

  /** Fetches the remote blocks of these rows into the cache. */
  prefetch(indices: IndexArray): number | undefined {
    const sources = this.#shards.map((shard) => (isLater(shard) ? shard.source : shard.file.source));
    if (!fetchesAhead(sources)) return undefined;
    const blocks = new Map<string, { readonly file: F; readonly block: number }>();
    const unopened = new Map<LaterShard<F>, { readonly shard: number; readonly indices: number[] }>();
    for (const index of indices) {
      const { shard, place } = this.#find(index);
      const found = this.#shards[shard]!;
      if (isLater(found)) {
        const waiting = unopened.get(found) ?? { shard, indices: [] };
        unopened.set(found, waiting);
        waiting.indices.push(index);
        continue;
      }
      const { file, rows } = found;
      const block = firstAbove(file.bounds, rows ? rows[place]! : place) - 1;
      blocks.set(`${shard}/${block}`, { file, block });
    }
    // A failure is thrown when the row is read.
    for (const [later, { shard, indices: waiting }] of unopened)
      this.#open(shard, later).then(
        () => this.prefetch(waiting),
        () => {},
      );
    return sumOfBytes(
      Array.from(blocks.values()).flatMap(({ file, block }) =>
        file.bytesOfBlock(block).map(({ start, end }) => prefetchRange(file.source, start, end)),
      ),
    );
  }

  close(): void {
    for (const shard of this.#shards) (isLater(shard) ? shard.source : shard.file.source).close();
  }

  #find(index: number): { readonly shard: number; readonly place: number } {
    checkIndex(index, this.length, this.#owner);
    const shard = this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index);
    return { shard, place: index - (shard === 0 ? 0 : this.#ends[shard - 1]!) };
  }

  #open(k: number, later: LaterShard<F>): Promise<void> {
    const known = this.#opening.get(k);
    if (known) return known;
    const opening = later
      .open()
      .then((shard) => {
        this.#shards[k] = shard;
        this.#stored[k] = this.#storedIn(shard);
      })
      // A failure is not held: the next row tries again.
      .finally(() => this.#opening.delete(k));
    this.#opening.set(k, opening);
    return opening;
  }

  #storedIn(shard: TableShard<F> | LaterShard<F>): readonly string[] {
    const { constants } = shard;
    return this.#settings.columns.filter((name) => !(constants && Object.hasOwn(constants, name)));
  }
}

function isLater<F extends TableFile>(shard: TableShard<F> | LaterShard<F>): shard is LaterShard<F> {
  return !('file' in shard);
}

/**
 * Opens the tables of a recipe.
 *
 * @param open - Opens one file; `bounds` are those of its blocks, `footer` is what another thread has read.
 */
export function shardsFromRecipe<F extends TableFile>(
  { shards }: TableRowsRecipe,
  make: MakeFromRecipe,
  open: (source: ByteSource, bounds: Float64Array, footer: unknown) => Promise<F> | F,
): Promise<TableShard<F>[]> {
  return Promise.all(
    shards.map(async ({ source, bounds, footer, ...shard }) => ({
      ...shard,
      file: await open(await make<ByteSource>(source), bounds, footer),
    })),
  );
}
