import type { IndexArray } from '../../core/dataset.js';
import { type ErrorLocation, FormatError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Recipe, recipeOf } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import type { FileRows } from '../file-dataset.js';
import type { KeptBounds } from './kept-bounds.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from './prefetch-range.js';
import { RecordReader } from './record-reader.js';

/** Finds the records of a file: shape `[n + 1]`, where each begins, and where the last one ends. */
export type FindRecords = (source: ByteSource) => Promise<Float64Array>;

/** The longest text of V8, in characters. */
const longestText = 2 ** 29 - 24;

/** A file and where its records are. */
interface RecordShard {
  readonly reader: RecordReader;
  readonly bounds: Float64Array;
  readonly fingerprint: string;
}

/** What another thread makes the same files of. */
export interface RecordFilesRecipe {
  readonly owner: string;
  readonly shards: readonly {
    readonly source: Recipe;
    readonly bounds: Float64Array;
    readonly fingerprint: string;
  }[];
}

/** Files of records that lie one behind the other, as one list of records. */
export class RecordFiles implements FileRows {
  /** The dataset that they belong to, for messages. */
  readonly owner: string;
  /** Records of all files. */
  readonly length: number;
  /** Records of each file. */
  readonly shardLengths: readonly number[];
  readonly #shards: readonly RecordShard[];
  /** Number of records in the files up to and with each. */
  readonly #ends: Float64Array;

  private constructor(owner: string, shards: readonly RecordShard[]) {
    this.owner = owner;
    this.#shards = shards;
    this.shardLengths = shards.map(({ bounds }) => Math.max(0, bounds.length - 1));
    let end = 0;
    this.#ends = Float64Array.from(this.shardLengths, (length) => {
      end += length;
      return end;
    });
    this.length = end;
  }

  /**
   * Looks through the sources, all at once; when one is damaged, all are closed.
   *
   * @param kept - Where what is found is kept, if it is.
   */
  static async open(
    owner: string,
    sources: readonly ByteSource[],
    findRecords: FindRecords,
    kept?: KeptBounds,
  ): Promise<RecordFiles> {
    const shards = await Promise.allSettled(
      sources.map(async (source) => {
        const content = await contentFingerprint(source);
        const bounds = kept
          ? await (await import('./kept-bounds.js')).keptBounds(source, content, findRecords, kept)
          : await findRecords(source);
        return { reader: new RecordReader(source), bounds, fingerprint: content };
      }),
    );
    const failed = shards.find((result) => result.status === 'rejected');
    if (!failed)
      return new RecordFiles(
        owner,
        shards.map((result) => (result as PromiseFulfilledResult<RecordShard>).value),
      );
    for (const source of sources) source.close();
    throw failed.reason;
  }

  /** Where the first record of each file begins; `undefined` where it has none and says no end. */
  get starts(): readonly (number | undefined)[] {
    return this.#shards.map(({ bounds }) => bounds[0]);
  }

  get sources(): readonly ByteSource[] {
    return this.#shards.map(({ reader }) => reader.source);
  }

  /** Bytes of a record; look, do not keep. @throws {@link IndexRangeError} */
  bytes(index: number): MaybePromise<Uint8Array> {
    const { reader, start, end } = this.#find(index);
    return reader.read(start, end);
  }

  /** Has the blocks of records that will be asked for fetched into the cache, where they come from afar. */
  prefetch(indices: IndexArray): number | undefined {
    if (!fetchesAhead(this.sources)) return undefined;
    return sumOfBytes(
      Array.from(indices, (index) => {
        const { reader, start, end } = this.#find(index);
        return prefetchRange(reader.source, start, end);
      }),
    );
  }

  /** Text of a record. @throws {@link IndexRangeError}, {@link FormatError} where it is not UTF-8 */
  text(index: number): MaybePromise<string> {
    // As #find does, without an object a record: this is the way of every row.
    checkIndex(index, this.length, this.owner);
    const shard = this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index);
    const row = shard === 0 ? index : index - this.#ends[shard - 1]!;
    const { reader, bounds } = this.#shards[shard]!;
    if (bounds[row + 1]! - bounds[row]! > longestText)
      throw this.damaged(index, `has more than the ${longestText} bytes that a text can have`);
    const text = reader.text(bounds[row]!, bounds[row + 1]!);
    if (typeof text === 'string') return text;
    return andThen(text, (found) => {
      if (found === undefined) throw this.damaged(index, 'is not text in UTF-8');
      return found;
    });
  }

  /** Where a record is: file, row in it (from 0) and byte offset. */
  place(index: number): ErrorLocation & { readonly row: number } {
    const { reader, row, start } = this.#find(index);
    return { file: reader.source.name, row, byteOffset: start };
  }

  #find(index: number) {
    checkIndex(index, this.length, this.owner);
    const shard = this.#shards.length === 1 ? 0 : firstAbove(this.#ends, index);
    const row = index - (shard === 0 ? 0 : this.#ends[shard - 1]!);
    const { reader, bounds } = this.#shards[shard]!;
    return { reader, row, start: bounds[row]!, end: bounds[row + 1]! };
  }

  /** The error for a record that is not what it should be. */
  damaged(index: number, problem: string, cause?: unknown): FormatError {
    return new FormatError(`Row ${this.place(index).row} ${problem}`, {
      where: { dataset: this.owner, index, ...this.place(index) },
      next: 'Mend or remove the row, or write the file again.',
      cause,
    });
  }

  identity(): { readonly files: string } {
    return { files: fingerprint(this.#shards.map((shard) => shard.fingerprint)) };
  }

  recipe(): RecordFilesRecipe {
    const shards = this.#shards.map(({ reader, bounds, fingerprint }) => ({
      source: recipeOf(reader.source, 'source'),
      bounds,
      fingerprint,
    }));
    return { owner: this.owner, shards };
  }

  static async fromRecipe({ owner, shards }: RecordFilesRecipe, make: MakeFromRecipe): Promise<RecordFiles> {
    const made = shards.map(async ({ source, bounds, fingerprint }) => ({
      reader: new RecordReader((await make(source)) as ByteSource),
      bounds,
      fingerprint,
    }));
    return new RecordFiles(owner, await Promise.all(made));
  }

  close(): void {
    for (const { reader } of this.#shards) reader.source.close();
  }
}
