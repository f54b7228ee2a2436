import type { Dataset, IndexArray } from '../../core/dataset.js';
import { bytesPerElement, type TypedArray, viewOf } from '../../core/dtype.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { shownLocation } from '../../core/shown-location.js';
import { shareTypedArray, type Tensor } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { withPath } from '../../storage/location-path.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from '../records/prefetch-range.js';
import { RecordReader } from '../records/record-reader.js';
import type { ItemIndex } from './index-file.js';
import { checkSpan, type IndexedDatasetOptions, indexedOptions } from './indexed-dataset.js';
import { indexFingerprint } from './indexed-dataset-index.js';
import { checkDType, decodePair, IndexedItems } from './indexed-items.js';

export interface RemoteIndexedDatasetOptions extends IndexedDatasetOptions, StorageOptions {}

interface RemoteIndexedRecipe {
  readonly prefix: string;
  readonly source: Recipe;
  readonly index: ItemIndex;
}

/**
 * A `.bin`/`.idx` pair behind an `http:`, `s3:` or `hf:` URL: the asynchronous counterpart of {@link IndexedDataset}. The index
 * takes 12 bytes of memory per item; items are fetched on demand, neighbors together.
 *
 * ```ts
 * const tokens = await RemoteIndexedDataset.open('s3://bucket/tokens', { cache: true });
 * const windows = new TokenWindows(tokens, { length: 1024 });
 * ```
 */
export class RemoteIndexedDataset extends IndexedItems implements Dataset<Tensor>, Movable {
  readonly #index: ItemIndex;
  readonly #reader: RecordReader;

  private constructor(prefix: string, source: ByteSource, index: ItemIndex) {
    super(prefix, index);
    this.#index = index;
    this.#reader = new RecordReader(source);
  }

  /**
   * Reads the index. O(n) time for n items; the data is not read.
   *
   * @param prefix - A URL or path, with or without `.bin` or `.idx`.
   * @throws {@link StorageError} if a file is missing; {@link FormatError} if the index is damaged or not an index; {@link
   *   TruncatedFileError} if a file ends too early.
   */
  static async open(
    prefix: string | URL,
    options: RemoteIndexedDatasetOptions = {},
  ): Promise<RemoteIndexedDataset> {
    const { dtypeTable = 'auto', ...storage } = options;
    parseOptions('IndexedDataset options', indexedOptions, { dtypeTable });
    const name = withPath(String(prefix), (path) => path.replace(/\.(bin|idx)$/, ''));
    const fileOf = (ending: string) => withPath(name, (path) => path + ending);
    const data = await openSource(fileOf('.bin'), storage);
    try {
      const index = await openSource(fileOf('.idx'), storage);
      try {
        const bytes = await index.read(0, index.byteLength);
        const decoded = decodePair({ index, data, dtypeTable }, bytes);
        await checkDType(decoded, { index, data, dtypeTable });
        return new RemoteIndexedDataset(shownLocation(name), data, decoded);
      } finally {
        index.close();
      }
    } catch (error) {
      data.close();
      throw error;
    }
  }

  /** Item `index`, shape `[sizes[index]]`, in the stored dtype. @throws {@link IndexRangeError} */
  get(index: number): MaybePromise<Tensor> {
    checkIndex(index, this.length, 'RemoteIndexedDataset');
    const size = this.sizes[index]!;
    return andThen(this.#read(this.pointers[index]!, size), (data) => ({
      dtype: this.dtype,
      shape: this.#index.shapes?.[index] ?? [size],
      data,
    }));
  }

  /** A part of item `index`, shape `[length]`. @throws {@link IndexRangeError} */
  read(index: number, offset = 0, length?: number): MaybePromise<Tensor> {
    checkIndex(index, this.length, 'RemoteIndexedDataset');
    const size = this.sizes[index]!;
    const count = length ?? size - offset;
    checkSpan(offset, count, size, { item: index });
    const start = this.pointers[index]! + offset * bytesPerElement(this.dtype);
    return andThen(this.#read(start, count), (data) => ({ dtype: this.dtype, shape: [count], data }));
  }

  /** Elements `start … start + count - 1` of all items end to end, in the stored dtype. @throws {@link IndexRangeError} */
  fetchTokens(start: number, count: number): MaybePromise<TypedArray> {
    checkSpan(start, count, this.tokenCount, {});
    return this.#read(start * bytesPerElement(this.dtype), count);
  }

  /** Fetches ranges of all items end to end into the cache. */
  prefetchTokens(starts: ArrayLike<number>, count: number): number | undefined {
    const bytes = bytesPerElement(this.dtype);
    return this.#prefetch(
      Array.from(starts, (start) => ({ start: start * bytes, end: (start + count) * bytes })),
    );
  }

  /** Fetches remote bytes of these items into the cache. */
  prefetch(indices: IndexArray): number | undefined {
    const bytes = bytesPerElement(this.dtype);
    return this.#prefetch(
      Array.from(indices, (index) => ({
        start: this.pointers[index]!,
        end: this.pointers[index]! + this.sizes[index]! * bytes,
      })),
    );
  }

  /** Equal to the fingerprint of the same files on this machine. */
  fingerprint(): string {
    return indexFingerprint(this.#index, this.#reader.source.byteLength);
  }

  [toRecipe](): Recipe {
    const { dtype, isGuess, sizes, pointers, documentIndex, shapes, modes } = this.#index;
    const index: ItemIndex = {
      dtype,
      isGuess,
      sizes: shareTypedArray(sizes),
      pointers: shareTypedArray(pointers),
      documentIndex: shareTypedArray(documentIndex),
      ...(shapes && { shapes }),
      ...(modes && { modes }),
    };
    const source = recipeOf(this.#reader.source, 'source');
    const args: RemoteIndexedRecipe = { prefix: this.prefix, source, index };
    return { builtIn: 'RemoteIndexedDataset', args };
  }

  static async fromRecipe(
    { prefix, source, index }: RemoteIndexedRecipe,
    make: MakeFromRecipe,
  ): Promise<RemoteIndexedDataset> {
    return new RemoteIndexedDataset(prefix, (await make(source)) as ByteSource, index);
  }

  close(): void {
    this.#reader.source.close();
  }

  #prefetch(ranges: readonly { readonly start: number; readonly end: number }[]): number | undefined {
    const { source } = this.#reader;
    if (!fetchesAhead([source])) return undefined;
    return sumOfBytes(ranges.map(({ start, end }) => prefetchRange(source, start, end)));
  }

  #read(byteOffset: number, count: number): MaybePromise<TypedArray> {
    const end = byteOffset + count * bytesPerElement(this.dtype);
    return andThen(this.#reader.read(byteOffset, end), (bytes) =>
      // In memory of its own, at offset 0.
      viewOf(this.dtype, Uint8Array.from(bytes).buffer, 0, count),
    );
  }
}
