import type { IndexArray } from '../../core/dataset.js';
import { type ErrorLocation, FormatError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { movableOptions, type StorageOptions } from '../../storage/storage-options.js';
import type { FileRows } from '../file-dataset.js';
import { prefetchRange } from '../records/prefetch-range.js';
import { RecordReader } from '../records/record-reader.js';
import type { MdsShard } from './mds-index.js';
import { openMdsShard, readBounds } from './mds-shard.js';

interface OpenShard {
  readonly reader: RecordReader;
  readonly bounds: Float64Array;
}

/** What a worker needs to open the same shards. */
export interface RemoteShardsRecipe {
  /** Path or URL of the folder. */
  readonly folder: string;
  readonly shards: readonly MdsShard[];
  readonly options: StorageOptions;
}

/** Shards behind URLs. `index.json` says how long they are; each is opened when its first sample is read. */
export class RemoteShards implements FileRows {
  readonly length: number;
  readonly shardLengths: readonly number[];
  readonly #recipe: RemoteShardsRecipe;
  /** Number of samples in the shards up to and including each. */
  readonly #ends: Float64Array;
  readonly #opening = new Map<number, Promise<OpenShard>>();
  readonly #open = new Map<number, OpenShard>();
  #isClosed = false;

  constructor(recipe: RemoteShardsRecipe) {
    this.#recipe = recipe;
    this.shardLengths = recipe.shards.map(({ samples }) => samples);
    let end = 0;
    this.#ends = Float64Array.from(this.shardLengths, (length) => {
      end += length;
      return end;
    });
    this.length = end;
  }

  /** Bytes of a sample, in memory that is reused: read them at once. @throws {@link IndexRangeError} */
  bytes(index: number): MaybePromise<Uint8Array> {
    const { shard, row } = this.#find(index);
    return andThen(this.#open.get(shard) ?? this.#opened(shard), ({ reader, bounds }) =>
      reader.read(bounds[row]!, bounds[row + 1]!),
    );
  }

  /** Fetches remote blocks into the cache, if there is one: of shards that are not open, their tables first. */
  prefetch(indices: IndexArray): number | undefined {
    if (!this.#recipe.options.cache || this.#isClosed) return undefined;
    let bytes = 0;
    for (const index of Array.from(indices)) {
      const { shard, row } = this.#find(index);
      const fetch = ({ reader, bounds }: OpenShard) =>
        prefetchRange(reader.source, bounds[row]!, bounds[row + 1]!);
      const open = this.#open.get(shard);
      if (open) bytes += fetch(open);
      else {
        if (!this.#opening.has(shard)) bytes += 4 * this.shardLengths[shard]!;
        // A failure is thrown when the sample is read.
        this.#opened(shard).then(fetch, () => {});
      }
    }
    return bytes;
  }

  /** Every shard, opened one by one. */
  async *sources(): AsyncGenerator<readonly [ByteSource, MdsShard]> {
    for (const [k, shard] of this.#recipe.shards.entries()) {
      const { reader } = await this.#opened(k);
      yield [reader.source, shard];
    }
  }

  /** The error for a damaged sample. */
  damaged(index: number, problem: string, cause?: unknown): FormatError {
    const { shard, row } = this.#find(index);
    const open = this.#open.get(shard);
    const where: ErrorLocation = open
      ? { file: open.reader.source.name, row, byteOffset: open.bounds[row]! }
      : { file: this.#recipe.shards[shard]!.raw_data.basename, row };
    return new FormatError(`Row ${row} ${problem}`, {
      where: { dataset: 'MdsDataset', index, ...where },
      next: 'Fix or remove the row, or write the shard again.',
      cause,
    });
  }

  /** By what `index.json` says, checksums included: no shard is read for it. */
  identity(): { readonly files: string } {
    const shards = this.#recipe.shards.map(({ samples, raw_data: { basename, bytes, hashes } }) => ({
      basename,
      bytes,
      hashes,
      samples,
    }));
    return { files: fingerprint(shards) };
  }

  recipe(): RemoteShardsRecipe {
    return { ...this.#recipe, options: movableOptions(this.#recipe.options) };
  }

  close(): void {
    this.#isClosed = true;
    for (const { reader } of this.#open.values()) reader.source.close();
  }

  #find(index: number): { readonly shard: number; readonly row: number } {
    checkIndex(index, this.length, 'MdsDataset');
    const shard = firstAbove(this.#ends, index);
    return { shard, row: index - (shard === 0 ? 0 : this.#ends[shard - 1]!) };
  }

  #opened(k: number): Promise<OpenShard> {
    const known = this.#opening.get(k);
    if (known) return known;
    const opening = this.#openShard(k);
    this.#opening.set(k, opening);
    // A failure is not held: the next sample tries again.
    opening.catch(() => this.#opening.delete(k));
    return opening;
  }

  async #openShard(k: number): Promise<OpenShard> {
    const { folder, shards, options } = this.#recipe;
    const source = await openMdsShard(folder, shards[k]!, options);
    try {
      const open = { reader: new RecordReader(source), bounds: await readBounds(source, shards[k]!) };
      this.#open.set(k, open);
      return open;
    } catch (error) {
      source.close();
      throw error;
    }
  }
}
