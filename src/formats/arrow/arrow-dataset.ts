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
import { ArrowFile } from './arrow-file.js';
import { typeText } from './arrow-schema.js';

/** File name endings of Arrow IPC files and streams, and of Feather. */
export const arrowEndings = ['.arrow', '.feather', '.ipc', '.arrows'];

export interface ArrowDatasetOptions extends StorageOptions {
  /** Which columns a sample has. @defaultValue all */
  readonly columns?: readonly string[];
  /** Record batches that are kept. @defaultValue `8` */
  readonly cacheBlocks?: number;
  /** The most bytes that a record batch may expand to. @defaultValue `2 ** 30` */
  readonly maxDecompressedBytes?: number;
}

const schema = v.looseObject({
  columns: v.optional(v.array(v.string())),
  cacheBlocks: v.optional(integerFrom(1), 8),
  maxDecompressedBytes: v.optional(integerFrom(1), defaultDecompressedBytes),
});

interface Shard extends TableShard<ArrowFile> {
  readonly fingerprint: string;
}

interface ArrowRecipe {
  readonly shards: readonly {
    readonly source: Recipe;
    readonly fingerprint: string;
    readonly bounds: Float64Array;
  }[];
  readonly columns: readonly string[];
  readonly cacheBlocks: number;
  readonly maxDecompressedBytes: number;
}

/**
 * Arrow IPC files and streams, and Feather (version 2): each row an object by column. 64-bit integers are `bigint`, dates and
 * timestamps `Date`, decimals numbers, lists of numbers typed arrays, structs and maps objects, missing values `null`. A file is read by
 * record batch, a stream whole.
 */
export class ArrowDataset<T = Readonly<Record<string, unknown>>> implements Dataset<T>, Movable {
  /** Names and Arrow types of the columns of a sample. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly #shards: readonly Shard[];
  readonly #cacheBlocks: number;
  readonly #maxDecompressedBytes: number;
  readonly #rows: TableRows<ArrowFile>;

  private constructor(
    shards: readonly Shard[],
    columns: readonly string[] | undefined,
    { cacheBlocks, maxDecompressedBytes }: { cacheBlocks: number; maxDecompressedBytes: number },
  ) {
    this.#shards = shards;
    const [{ file: first }] = shards as [Shard];
    const all = first.fields.map((field) => ({ name: field.name, type: typeText(field) }));
    const available = all.map(({ name }) => name);
    const chosen = chooseColumns({ owner: 'ArrowDataset' }, columns, available);
    this.columns = chosen.map((name) => all[available.indexOf(name)]!);
    for (const { file } of shards) checkColumns(file, first, this.columns);
    this.#cacheBlocks = cacheBlocks;
    this.#maxDecompressedBytes = maxDecompressedBytes;
    const names = this.columns.map(({ name }) => name);
    this.#rows = new TableRows(shards, {
      owner: 'ArrowDataset',
      columns: names,
      cacheBlocks,
      readBlock: (file, block) => file.readBlock(block, names),
    });
  }

  /**
   * Opens one file or several, which have the same columns.
   *
   * @throws {@link StorageError} when one cannot be read; {@link FormatError} when one is damaged or has other columns;
   *   {@link ConfigError} for a column that is not there.
   */
  static async open<T = Readonly<Record<string, unknown>>>(
    files: DataFiles,
    options: ArrowDatasetOptions = {},
  ): Promise<ArrowDataset<T>> {
    const { columns, cacheBlocks, maxDecompressedBytes, ...storage } = parseOptions(
      'ArrowDataset options',
      schema,
      options,
    );
    const sources = await openDataFiles(files, arrowEndings, { ...storage, maxDecompressedBytes });
    try {
      const shards = await Promise.all(
        sources.map(async (source) => {
          const [file, content] = await Promise.all([
            ArrowFile.open(source, { maxDecompressedBytes }),
            contentFingerprint(source),
          ]);
          return { file, fingerprint: content };
        }),
      );
      return new ArrowDataset(shards, columns, { cacheBlocks, maxDecompressedBytes });
    } catch (error) {
      for (const source of sources) source.close();
      throw error;
    }
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Samples of each record batch. */
  get shardLengths(): readonly number[] {
    return this.#shards.flatMap(({ file: { bounds } }) =>
      Array.from(bounds.subarray(1), (end, k) => end - bounds[k]!),
    );
  }

  /** @throws {@link FormatError} where the record batch is damaged. */
  get(index: number): MaybePromise<T> {
    return this.#rows.get(index) as MaybePromise<T>;
  }

  /** Fetches what will be asked for into the cache, if there is one: where it is in the file is estimated by its rows. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#rows.prefetch(indices);
  }

  fingerprint(): string {
    const files = this.#shards.map((shard) => shard.fingerprint);
    return fingerprint({ kind: 'ArrowDataset', columns: this.columns.map(({ name }) => name), files });
  }

  [toRecipe](): Recipe {
    const shards = this.#shards.map(({ file, fingerprint }) => ({
      source: recipeOf(file.source, 'source'),
      fingerprint,
      bounds: file.bounds,
    }));
    const columns = this.columns.map(({ name }) => name);
    const args: ArrowRecipe = {
      shards,
      columns,
      cacheBlocks: this.#cacheBlocks,
      maxDecompressedBytes: this.#maxDecompressedBytes,
    };
    return { builtIn: 'ArrowDataset', args };
  }

  static async fromRecipe(
    { shards, columns, cacheBlocks, maxDecompressedBytes }: ArrowRecipe,
    make: MakeFromRecipe,
  ): Promise<ArrowDataset<unknown>> {
    const made = shards.map(async ({ source, fingerprint, bounds }) => ({
      file: await ArrowFile.open((await make(source)) as ByteSource, { bounds, maxDecompressedBytes }),
      fingerprint,
    }));
    return new ArrowDataset(await Promise.all(made), columns, { cacheBlocks, maxDecompressedBytes });
  }

  close(): void {
    this.#rows.close();
  }
}

function checkColumns(
  file: ArrowFile,
  first: ArrowFile,
  columns: readonly { readonly name: string; readonly type: string }[],
): void {
  const typeOf = (name: string) => {
    const field = file.fields.find((candidate) => candidate.name === name);
    return field ? typeText(field) : 'missing';
  };
  const other = columns.find(({ name, type }) => typeOf(name) !== type);
  if (!other) return;
  throw new FormatError('Two files have different columns', {
    where: {
      file: file.source.name,
      column: other.name,
      type: typeOf(other.name),
      firstFile: first.source.name,
      firstType: other.type,
    },
    next: 'Choose columns that all have with { columns: […] }, or open them as two datasets.',
  });
}
