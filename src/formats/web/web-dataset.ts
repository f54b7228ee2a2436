import type { BatchContext, IndexArray, SampleContext } from '../../core/dataset.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import { lastOf } from '../../core/last-of.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { movableSteps } from '../../images/movable-steps.js';
import { sampleContext } from '../../random/sample-context.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { chooseColumns } from '../choose-columns.js';
import { openDataFiles } from '../data-files.js';
import { closingOnError, FileDataset, type FileRecipe, type FileRows } from '../file-dataset.js';
import type { DataFiles } from '../file-format.js';
import type { PictureSettings } from '../images/picture-settings.js';
import { SamplePictures, tarPictures } from '../images/sample-pictures.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from '../records/prefetch-range.js';
import { RecordReader } from '../records/record-reader.js';
import { makeWebBatch, pictureInPlace, type UndecodedSample } from './web-batch.js';
import { WebDatasetStream } from './web-dataset-stream.js';
import { WebIndex, type WebIndexArrays } from './web-index.js';
import {
  readingIdentity,
  readSample,
  type WebDatasetOptions,
  type WebReading,
  type WebSampleValues,
  webOptions,
} from './web-options.js';

/** A shard whose headers have been read. */
interface WebShard {
  readonly reader: RecordReader;
  readonly index: WebIndex;
  readonly fingerprint: string;
}

/** What a worker needs to open the same shards without reading their headers again. */
interface WebRowsRecipe {
  readonly shards: readonly {
    readonly source: Recipe;
    readonly index: WebIndexArrays;
    readonly fingerprint: string;
  }[];
}

/** Offsets of the files of each sample in tar shards. */
class WebRows implements FileRows {
  readonly #shards: readonly WebShard[];
  /** Number of samples in the shards up to and including each. */
  readonly #ends: Float64Array;

  constructor(shards: readonly WebShard[]) {
    this.#shards = shards;
    let end = 0;
    this.#ends = Float64Array.from(shards, ({ index }) => {
      end += index.length;
      return end;
    });
  }

  get length(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** Endings of the files of all samples; `undefined` if samples have different numbers of files. */
  get commonEndings(): readonly string[] | undefined {
    const endings = [...new Set(this.#shards.flatMap(({ index }) => index.arrays.endings))];
    const isCommon = this.#shards.every(({ index: { arrays } }) =>
      arrays.memberEnds.every((end, sample) => end === (sample + 1) * endings.length),
    );
    return isCommon ? endings : undefined;
  }

  get shardLengths(): readonly number[] {
    return this.#shards.map(({ index }) => index.length);
  }

  identity(): { readonly shards: string[] } {
    return { shards: this.#shards.map(({ fingerprint }) => fingerprint) };
  }

  /** The files of a sample. @throws {@link IndexRangeError} */
  find(index: number) {
    checkIndex(index, this.length, 'WebDataset');
    const number = firstAbove(this.#ends, index);
    const { reader, index: shard } = this.#shards[number]!;
    return { reader, ...shard.at(index - (number === 0 ? 0 : this.#ends[number - 1]!)) };
  }

  prefetch(indices: IndexArray): number | undefined {
    if (!fetchesAhead(this.#shards.map(({ reader }) => reader.source))) return undefined;
    return sumOfBytes(
      Array.from(indices, (index) => {
        const { reader, members } = this.find(index);
        return prefetchRange(reader.source, members[0]!.start, lastOf(members).end);
      }),
    );
  }

  recipe(): WebRowsRecipe {
    const shards = this.#shards.map(({ reader, index, fingerprint }) => ({
      source: recipeOf(reader.source, 'source'),
      index: index.arrays,
      fingerprint,
    }));
    return { shards };
  }

  static async fromRecipe({ shards }: WebRowsRecipe, make: MakeFromRecipe): Promise<WebRows> {
    const made = shards.map(async ({ source, index, fingerprint }) => ({
      reader: new RecordReader(await make<ByteSource>(source)),
      index: new WebIndex(index),
      fingerprint,
    }));
    return new WebRows(await Promise.all(made));
  }

  close(): void {
    for (const { reader } of this.#shards) reader.source.close();
  }
}

/**
 * WebDataset: tar archives in which files with the same name up to the first dot make one sample. `open` returns a map-style
 * dataset and reads all headers once; {@link WebDataset.stream} reads shard by shard instead.
 */
export class WebDataset extends FileDataset<WebSampleValues, WebRows, WebReading> {
  readonly #pictures: SamplePictures | undefined;
  /** Present if all pictures have one size and the other files are texts and whole numbers: then pictures are written in place. */
  readonly getBatch?: (indices: IndexArray, context: BatchContext) => MaybePromise<WebSampleValues>;

  private constructor(rows: WebRows, reading: WebReading) {
    super('WebDataset', rows, reading);
    this.#pictures = reading.pictures && new SamplePictures(tarPictures, reading.pictures);
    const pictures = this.#pictures;
    const endings = reading.columns ?? rows.commonEndings;
    if (!pictures || !reading.decode || !endings) return;
    const picture = pictureInPlace(endings, pictures);
    if (picture)
      this.getBatch = (indices, context) =>
        makeWebBatch(indices.length, picture, pictures, context, (slot) =>
          this.#read(indices[slot]!),
        ) as MaybePromise<WebSampleValues>;
  }

  /**
   * Opens shards (`train-{000..099}.tar`) and reads all their headers: slow for remote shards.
   *
   * @throws {@link StorageError} if a shard cannot be read; {@link FormatError} if a shard is damaged; {@link TruncatedFileError} if a
   *   shard ends without its end-of-archive blocks; {@link ConfigError} for an ending that no sample has.
   */
  static async open(files: DataFiles, options: WebDatasetOptions = {}): Promise<WebDataset> {
    const { reading, storage } = webOptions(options);
    const sources = await openDataFiles(files, 'webdataset', storage);
    return closingOnError(sources, async () => {
      const shards = await Promise.all(
        sources.map(async (source) => {
          const reader = new RecordReader(source);
          const [index, content] = await Promise.all([WebIndex.read(reader), contentFingerprint(source)]);
          return { reader, index, fingerprint: content };
        }),
      );
      const endings = new Set(shards.flatMap(({ index }) => index.arrays.endings));
      if (endings.size > 0)
        chooseColumns({ owner: 'WebDataset', noun: 'ending' }, reading.columns, [...endings]);
      return new WebDataset(new WebRows(shards), reading);
    });
  }

  /**
   * Opens shards as a stream, which reads each shard from start to end, and none before it is needed. Workers divide the shards among
   * them. The stream can resume at any sample.
   */
  static async stream(files: DataFiles, options: WebDatasetOptions = {}): Promise<WebDatasetStream> {
    const { reading, storage } = webOptions(options);
    return WebDatasetStream.of(await openDataFiles(files, 'webdataset', storage), reading);
  }

  /** @throws {@link FormatError} if a file of the sample cannot be decoded; {@link ConfigError} if a chosen file is not there. */
  get(index: number, context: SampleContext = sampleContext(index)): MaybePromise<WebSampleValues> {
    return andThen(this.#read(index), ({ sample, file }) =>
      this.#pictures ? this.#pictures.apply(sample, file, context) : sample,
    );
  }

  /** A sample whose picture is not decoded yet. */
  #read(index: number): MaybePromise<UndecodedSample> {
    const { reader, key, members } = this.rows.find(index);
    return andThen(readSample(reader, key, members, this.settings), (sample) => ({
      sample,
      file: `${reader.source.name}: ${key}`,
    }));
  }

  /** @internal */
  get imageSteps(): PictureSettings['steps'] | undefined {
    return this.settings.pictures?.steps;
  }

  /** @internal */
  afterSteps(count: number): WebDataset {
    const { pictures, ...settings } = this.settings;
    if (!pictures) return this;
    return new WebDataset(this.rows, {
      ...settings,
      pictures: { ...pictures, steps: pictures.steps.slice(0, count) },
    });
  }

  protected override identity() {
    return readingIdentity(this.settings);
  }

  override [toRecipe](): Recipe {
    const { pictures } = this.settings;
    if (pictures) movableSteps(pictures.steps);
    return super[toRecipe]();
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<WebRowsRecipe, WebReading>,
    make: MakeFromRecipe,
  ): Promise<WebDataset> {
    return new WebDataset(await WebRows.fromRecipe(rows, make), settings);
  }
}
