import type { Dataset, IndexArray } from '../../core/dataset.js';
import { fingerprint } from '../../core/fingerprint.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { chooseColumns } from '../choose-columns.js';
import { type DataFiles, openDataFiles } from '../data-files.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from '../records/prefetch-range.js';
import { RecordReader } from '../records/record-reader.js';
import { WebDatasetStream } from './web-dataset-stream.js';
import { WebIndex, type WebIndexArrays } from './web-index.js';
import {
  readSample,
  tarEndings,
  type WebDatasetOptions,
  type WebReading,
  type WebSampleValues,
  webOptions,
} from './web-options.js';

interface Shard {
  readonly reader: RecordReader;
  readonly index: WebIndex;
  readonly fingerprint: string;
}

interface WebRecipe {
  readonly shards: readonly {
    readonly source: Recipe;
    readonly index: WebIndexArrays;
    readonly fingerprint: string;
  }[];
  readonly reading: WebReading;
}

/**
 * WebDataset: tar archives whose files belong to one sample when their names are the same up to the first dot. Opened, it is a
 * map-style dataset, for which all headers are read once; {@link WebDataset.stream} reads shard by shard without that.
 */
export class WebDataset implements Dataset<WebSampleValues>, Movable {
  readonly #shards: readonly Shard[];
  readonly #ends: Float64Array;
  readonly #reading: WebReading;

  private constructor(shards: readonly Shard[], reading: WebReading) {
    this.#shards = shards;
    this.#reading = reading;
    let end = 0;
    this.#ends = Float64Array.from(shards, ({ index }) => {
      end += index.length;
      return end;
    });
  }

  /**
   * Opens shards (`train-{000..099}.tar`) and reads their headers, which takes time where they are far away.
   *
   * @throws {@link StorageError} when one cannot be read; {@link FormatError} when one is damaged; {@link TruncatedFileError} when one
   *   ends without its mark; {@link ConfigError} for an ending that no sample has.
   */
  static async open(files: DataFiles, options: WebDatasetOptions = {}): Promise<WebDataset> {
    const { reading, storage } = webOptions(options);
    const sources = await openDataFiles(files, tarEndings, storage);
    try {
      const shards = sources.map(async (source) => {
        const reader = new RecordReader(source);
        const [index, content] = await Promise.all([WebIndex.read(reader), contentFingerprint(source)]);
        return { reader, index, fingerprint: content };
      });
      const indexed = await Promise.all(shards);
      const endings = new Set(indexed.flatMap(({ index }) => index.arrays.endings));
      if (endings.size > 0)
        chooseColumns({ owner: 'WebDataset', noun: 'ending' }, reading.columns, [...endings]);
      return new WebDataset(indexed, reading);
    } catch (error) {
      for (const source of sources) source.close();
      throw error;
    }
  }

  /**
   * Opens shards as a stream: each is read from its start to its end, and none before it is needed. Shards are divided among
   * workers; it can be gone on with at any sample.
   */
  static async stream(files: DataFiles, options: WebDatasetOptions = {}): Promise<WebDatasetStream> {
    const { reading, storage } = webOptions(options);
    return WebDatasetStream.of(await openDataFiles(files, tarEndings, storage), reading);
  }

  get length(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** Samples of each shard. */
  get shardLengths(): readonly number[] {
    return this.#shards.map(({ index }) => index.length);
  }

  /** @throws {@link FormatError} when a file of the sample cannot be decoded; {@link ConfigError} when one is not there. */
  get(index: number): MaybePromise<WebSampleValues> {
    const { reader, key, members } = this.#find(index);
    return readSample(reader, key, members, this.#reading);
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    if (!fetchesAhead(this.#shards.map(({ reader }) => reader.source))) return undefined;
    return sumOfBytes(
      Array.from(indices, (index) => {
        const { reader, members } = this.#find(index);
        return prefetchRange(reader.source, members[0]!.start, members.at(-1)!.end);
      }),
    );
  }

  fingerprint(): string {
    const { columns, decode } = this.#reading;
    const shards = this.#shards.map((shard) => shard.fingerprint);
    return fingerprint({ kind: 'WebDataset', shards, columns: columns ?? null, decode });
  }

  [toRecipe](): Recipe {
    const shards = this.#shards.map(({ reader, index, fingerprint }) => ({
      source: recipeOf(reader.source, 'source'),
      index: index.arrays,
      fingerprint,
    }));
    const args: WebRecipe = { shards, reading: this.#reading };
    return { builtIn: 'WebDataset', args };
  }

  static async fromRecipe({ shards, reading }: WebRecipe, make: MakeFromRecipe): Promise<WebDataset> {
    const made = shards.map(async ({ source, index, fingerprint }) => ({
      reader: new RecordReader((await make(source)) as ByteSource),
      index: new WebIndex(index),
      fingerprint,
    }));
    return new WebDataset(await Promise.all(made), reading);
  }

  #find(index: number) {
    checkIndex(index, this.length, 'WebDataset');
    const number = firstAbove(this.#ends, index);
    const { reader, index: shard } = this.#shards[number]!;
    return { reader, ...shard.at(index - (number === 0 ? 0 : this.#ends[number - 1]!)) };
  }

  close(): void {
    for (const { reader } of this.#shards) reader.source.close();
  }
}
