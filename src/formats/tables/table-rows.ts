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
}

/** Rows of several files as objects by column, with a cache of decoded blocks. */
export class TableRows<F extends TableFile> implements FileRows {
  readonly decodesShards = true;
  readonly #owner: string;
  readonly #shards: readonly TableShard<F>[];
  /** Number of samples in the files up to and including each. */
  readonly #ends: Float64Array;
  readonly #settings: TableSettings;
  /** The columns that each file stores. */
  readonly #stored: readonly (readonly string[])[];
  readonly #blocks: BlockCache<TableBlock>;

  /** @param owner - The dataset class, for messages. */
  constructor(owner: string, shards: readonly TableShard<F>[], settings: TableSettings) {
    this.#owner = owner;
    this.#shards = shards;
    let end = 0;
    this.#ends = Float64Array.from(shards, ({ file, rows }) => {
      end += rows?.length ?? file.bounds.at(-1)!;
      return end;
    });
    this.#settings = settings;
    this.#stored = shards.map(({ constants }) =>
      constants ? settings.columns.filter((name) => !Object.hasOwn(constants, name)) : settings.columns,
    );
    const blocks = shards.reduce((sum, { file }) => sum + file.bounds.length - 1, 0);
    this.#blocks = new BlockCache(settings.cacheBlocks, { owner, blocks, rows: end });
  }

  get length(): number {
    return this.#ends.at(-1)!;
  }

  /** Samples of each row group or record batch; of each file if a filter selects rows. */
  get shardLengths(): readonly number[] {
    return this.#shards.flatMap(({ file, rows }) => {
      if (!rows) return file.groupLengths;
      return rows.length > 0 ? [rows.length] : [];
    });
  }

  /** The first file. */
  get first(): F {
    return this.#shards[0]!.file;
  }

  /** The rows that a filter selects in each file; `undefined`: all. */
  get selections(): readonly (Float64Array | undefined)[] {
    return this.#shards.map(({ rows }) => rows);
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
    const { file, row } = this.#find(index);
    return { file: file.source.name, row };
  }

  recipe(): TableRowsRecipe {
    const shards = this.#shards.map(({ file, fingerprint, rows, constants }) => ({
      source: recipeOf(file.source, 'source'),
      fingerprint,
      bounds: file.bounds,
      rows,
      constants,
      footer: file.footer,
    }));
    return { shards };
  }

  /** @throws {@link IndexRangeError}; {@link FormatError} if the block that holds the row is damaged */
  get(index: number): MaybePromise<Record<string, unknown>> {
    const { shard, file, row, block } = this.#find(index);
    const names = this.#stored[shard]!;
    const found = this.#blocks.get(`${shard}/${block}`, () => file.readBlock(block, names));
    return andThen(found, ({ start, columns }) => {
      const made: Record<string, unknown> = {};
      const { constants } = this.#shards[shard]!;
      if (!constants) {
        for (let k = 0; k < columns.length; k++) setOwn(made, names[k]!, columns[k]!(row - start));
        return made;
      }
      let k = 0;
      for (const name of this.#settings.columns) {
        const value = names[k] === name ? columns[k++]!(row - start) : ownValue(constants, name);
        setOwn(made, name, value);
      }
      return made;
    });
  }

  /** Fetches the remote blocks of these rows into the cache. */
  prefetch(indices: IndexArray): number | undefined {
    if (!fetchesAhead(this.#shards.map(({ file }) => file.source))) return undefined;
    const blocks = new Map<string, { readonly file: F; readonly block: number }>();
    for (const index of indices) {
      const { shard, file, block } = this.#find(index);
      blocks.set(`${shard}/${block}`, { file, block });
    }
    return sumOfBytes(
      Array.from(blocks.values()).flatMap(({ file, block }) =>
        file.bytesOfBlock(block).map(({ start, end }) => prefetchRange(file.source, start, end)),
      ),
    );
  }

  close(): void {
    for (const { file } of this.#shards) file.source.close();
  }

  #find(index: number) {
    checkIndex(index, this.length, this.#owner);
    const shard = this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index);
    const { file, rows } = this.#shards[shard]!;
    const place = index - (shard === 0 ? 0 : this.#ends[shard - 1]!);
    const row = rows ? rows[place]! : place;
    return { shard, file, row, block: firstAbove(file.bounds, row) - 1 };
  }
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
    shards.map(async ({ source, bounds, fingerprint, rows, constants, footer }) => ({
      file: await open((await make(source)) as ByteSource, bounds, footer),
      fingerprint,
      rows,
      constants,
    })),
  );
}
