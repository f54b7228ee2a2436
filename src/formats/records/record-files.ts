import pLimit from 'p-limit';
import type { IndexArray } from '../../core/dataset.js';
import { type ErrorLocation, FormatError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import type { JsonObject } from '../../core/json.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Recipe, recipeOf } from '../../core/recipe.js';
import { type ByteSource, isLocal } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { MemorySource } from '../../storage/memory-source.js';
import type { FileRows } from '../file-dataset.js';
import { type Constants, constantsJson } from '../where/test-row.js';
import type { KeptBounds } from './kept-bounds.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from './prefetch-range.js';
import { RecordReader } from './record-reader.js';

/** Finds the records of a file. Returns shape `[n + 1]`: the offset of each, and the end of the last one. */
export type FindRecords = (source: ByteSource) => Promise<Float64Array>;

/** Most files that are read at once to find their records. */
const scannedTogether = 64;

/** The longest string of V8, in characters. */
const longestText = 2 ** 29 - 24;

/** A file and the offsets of its records. */
interface RecordShard {
  readonly reader: RecordReader;
  readonly bounds: Float64Array;
  readonly fingerprint: string;
  /** Records that are samples; `undefined`: all. */
  readonly rows?: Float64Array | undefined;
  /** Columns that have one value in the whole file, which is not stored in it. */
  readonly constants?: Constants | undefined;
}

/** What a worker needs to open the same files. */
export interface RecordFilesRecipe {
  readonly owner: string;
  readonly shards: readonly {
    readonly source: Recipe;
    readonly bounds: Float64Array;
    readonly fingerprint: string;
    readonly rows?: Float64Array | undefined;
    readonly constants?: Constants | undefined;
  }[];
}

/** A file of at most this many bytes is read at once to find its records. */
const smallBytes = 2 ** 20;

/** The source, or its bytes if they are few and remote: finding records would take several requests. */
async function readableAtOnce(source: ByteSource): Promise<ByteSource> {
  if (isLocal(source) || source.byteLength > smallBytes) return source;
  return new MemorySource(await source.read(0, source.byteLength), source.name);
}

/** Files that hold records end to end, as one list of records. */
export class RecordFiles implements FileRows {
  /** The dataset class, for messages. */
  readonly owner: string;
  /** Records of all files. */
  readonly length: number;
  /** Records of each file. */
  readonly shardLengths: readonly number[];
  readonly #shards: readonly RecordShard[];
  /** Number of records in the files up to and including each. */
  readonly #ends: Float64Array;

  private constructor(owner: string, shards: readonly RecordShard[]) {
    this.owner = owner;
    this.#shards = shards;
    this.shardLengths = shards.map(({ bounds, rows }) => rows?.length ?? Math.max(0, bounds.length - 1));
    let end = 0;
    this.#ends = Float64Array.from(this.shardLengths, (length) => {
      end += length;
      return end;
    });
    this.length = end;
  }

  /**
   * Finds the records of all sources concurrently. If one is damaged, closes all.
   *
   * @param kept - Where the offsets are kept between runs, if they are.
   */
  static async open(
    owner: string,
    sources: readonly ByteSource[],
    findRecords: FindRecords,
    kept?: KeptBounds,
  ): Promise<RecordFiles> {
    const together = pLimit(scannedTogether);
    const find = (source: ByteSource) =>
      together(async () => {
        const content = await contentFingerprint(source);
        const bounds = kept
          ? await (await import('./kept-bounds.js')).keptBounds(
              source,
              content,
              async (stored) => findRecords(await readableAtOnce(stored)),
              kept,
            )
          : await findRecords(await readableAtOnce(source));
        return { reader: new RecordReader(source), bounds, fingerprint: content };
      });
    const shards = await Promise.allSettled(sources.map(find));
    const failed = shards.find((result) => result.status === 'rejected');
    if (!failed)
      return new RecordFiles(
        owner,
        shards.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
      );
    for (const source of sources) source.close();
    throw failed.reason;
  }

  /** The same files with some of their records, and with columns that they do not store. */
  narrowed(
    choices: readonly {
      readonly rows?: Float64Array | undefined;
      readonly constants?: Constants | undefined;
    }[],
  ): RecordFiles {
    return new RecordFiles(
      this.owner,
      this.#shards.map((shard, k) => ({ ...shard, ...choices[k] })),
    );
  }

  /** Columns that the file of a record does not store; `undefined` if there are none. */
  constantsOf(index: number): Constants | undefined {
    return this.#shards[this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index)]?.constants;
  }

  /** Offset of the first record of each file; `undefined` if the file is empty. */
  get starts(): readonly (number | undefined)[] {
    return this.#shards.map(({ bounds }) => bounds[0]);
  }

  get sources(): readonly ByteSource[] {
    return this.#shards.map(({ reader }) => reader.source);
  }

  /** Bytes of a record, in memory that is reused: read them at once. @throws {@link IndexRangeError} */
  bytes(index: number): MaybePromise<Uint8Array> {
    const { reader, start, end } = this.#find(index);
    return reader.read(start, end);
  }

  /** Fetches the remote blocks of records into the cache. */
  prefetch(indices: IndexArray): number | undefined {
    if (!fetchesAhead(this.sources)) return undefined;
    return sumOfBytes(
      Array.from(indices, (index) => {
        const { reader, start, end } = this.#find(index);
        return prefetchRange(reader.source, start, end);
      }),
    );
  }

  /** Text of a record. @throws {@link IndexRangeError}; {@link FormatError} if it is not UTF-8 */
  text(index: number): MaybePromise<string> {
    // Like `#find`, without allocating an object per record: every row passes here.
    checkIndex(index, this.length, this.owner);
    const shard = this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index);
    const place = shard === 0 ? index : index - this.#ends[shard - 1]!;
    const { reader, bounds, rows } = this.#shards[shard]!;
    const row = rows ? rows[place]! : place;
    if (bounds[row + 1]! - bounds[row]! > longestText)
      throw this.damaged(index, `has more than the ${longestText} bytes that a text can have`);
    const text = reader.text(bounds[row]!, bounds[row + 1]!);
    if (typeof text === 'string') return text;
    return andThen(text, (found) => {
      if (found === undefined) throw this.damaged(index, 'is not text in UTF-8');
      return found;
    });
  }

  /** Location of a record: file, row in the file (from 0) and byte offset. */
  place(index: number): ErrorLocation & { readonly row: number } {
    const { reader, row, start } = this.#find(index);
    return { file: reader.source.name, row, byteOffset: start };
  }

  #find(index: number) {
    checkIndex(index, this.length, this.owner);
    const shard = this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index);
    const place = index - (shard === 0 ? 0 : this.#ends[shard - 1]!);
    const { reader, bounds, rows } = this.#shards[shard]!;
    const row = rows ? rows[place]! : place;
    return { reader, row, start: bounds[row]!, end: bounds[row + 1]! };
  }

  /** The error for a damaged record. */
  damaged(index: number, problem: string, cause?: unknown): FormatError {
    return new FormatError(`Row ${this.place(index).row} ${problem}`, {
      where: { dataset: this.owner, index, ...this.place(index) },
      next: 'Fix or remove the row, or write the file again.',
      cause,
    });
  }

  identity(): JsonObject {
    const constants = this.#shards.map(({ constants }) => (constants ? constantsJson(constants) : null));
    return {
      files: fingerprint(this.#shards.map((shard) => shard.fingerprint)),
      ...(constants.some((each) => each !== null) && { constants }),
    };
  }

  recipe(): RecordFilesRecipe {
    const shards = this.#shards.map(({ reader, ...shard }) => ({
      ...shard,
      source: recipeOf(reader.source, 'source'),
    }));
    return { owner: this.owner, shards };
  }

  static async fromRecipe({ owner, shards }: RecordFilesRecipe, make: MakeFromRecipe): Promise<RecordFiles> {
    const made = shards.map(async ({ source, ...shard }) => ({
      ...shard,
      reader: new RecordReader(await make<ByteSource>(source)),
    }));
    return new RecordFiles(owner, await Promise.all(made));
  }

  close(): void {
    for (const { reader } of this.#shards) reader.source.close();
  }
}
