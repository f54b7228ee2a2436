import { bytesPerElement, type TypedArray, viewOf } from '../../core/dtype.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { shownLocation } from '../../core/shown-location.js';
import type { Tensor } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { withPath } from '../../storage/location-path.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import type { FileRecipe } from '../file-dataset.js';
import { RecordReader } from '../records/record-reader.js';
import { checkSpan, type IndexedDatasetOptions, indexedOptions } from './indexed-dataset.js';
import { checkDType, decodePair, IndexedItems } from './indexed-items.js';
import { IndexedRows, type IndexedRowsRecipe } from './indexed-rows.js';

export interface RemoteIndexedDatasetOptions extends IndexedDatasetOptions, StorageOptions {}

/**
 * A `.bin`/`.idx` pair behind a URL: the asynchronous counterpart of {@link IndexedDataset}. The index
 * takes 12 bytes of memory per item; items are fetched on demand, neighbors together.
 *
 * ```ts
 * const tokens = await RemoteIndexedDataset.open('s3://bucket/tokens', { cache: true });
 * const windows = new TokenWindows(tokens, { length: 1024 });
 * ```
 */
export class RemoteIndexedDataset extends IndexedItems<ByteSource, null> {
  readonly #reader: RecordReader;

  private constructor(rows: IndexedRows) {
    super('RemoteIndexedDataset', rows, null);
    this.#reader = new RecordReader(rows.data);
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
        return new RemoteIndexedDataset(new IndexedRows(shownLocation(name), data, decoded));
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
      shape: this.rows.index.shapes?.[index] ?? [size],
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
    return this.rows.prefetchRanges(
      Array.from(starts, (start) => ({ start: start * bytes, end: (start + count) * bytes })),
    );
  }

  static async fromRecipe(
    { rows }: FileRecipe<IndexedRowsRecipe>,
    make: MakeFromRecipe,
  ): Promise<RemoteIndexedDataset> {
    return new RemoteIndexedDataset(await IndexedRows.fromRecipe(rows, make));
  }

  #read(byteOffset: number, count: number): MaybePromise<TypedArray> {
    const end = byteOffset + count * bytesPerElement(this.dtype);
    return andThen(this.#reader.read(byteOffset, end), (bytes) =>
      // In memory of its own, at offset 0.
      viewOf(this.dtype, Uint8Array.from(bytes).buffer, 0, count),
    );
  }
}
