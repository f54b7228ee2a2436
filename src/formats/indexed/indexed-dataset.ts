import * as v from 'valibot';
import { bytesPerElement, type TypedArray, viewOf } from '../../core/dtype.js';
import { IndexRangeError, StorageError, TruncatedFileError } from '../../core/errors.js';
import { checkIndex } from '../../core/index-range.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { Tensor } from '../../core/tensor.js';
import type { ByteRanges, LocalSource } from '../../storage/byte-source.js';
import { FileSource } from '../../storage/file-source.js';
import { isRemote } from '../../storage/url-scheme.js';
import type { FileRecipe } from '../file-dataset.js';
import { datasetPrefix } from './dataset-prefix.js';
import type { DTypeTable } from './indexed-dataset-dtypes.js';
import { checkDType, checkDTypeSync, decodePair, IndexedItems, type IndexedPair } from './indexed-items.js';
import { IndexedRows, type IndexedRowsRecipe } from './indexed-rows.js';

export interface IndexedDatasetOptions {
  /**
   * The table of the type codes 6 to 8. `'auto'` infers it from the spacing of the items and the length of the data. Code 7 is
   * uint32 in DeepSpeed and float32 in Megatron-LM, so some elements are checked: if they may be floats, opening throws an
   * error that asks for this option.
   * @defaultValue `'auto'`
   */
  readonly dtypeTable?: DTypeTable | 'auto';
}

export const indexedOptions = v.strictObject({
  dtypeTable: v.optional(
    v.picklist(['auto', 'deepspeed', 'megatron'], "must be 'auto', 'deepspeed' or 'megatron'"),
    'auto',
  ),
});

interface LocalSettings {
  readonly dtypeTable: DTypeTable | 'auto';
}

/**
 * The `.bin`/`.idx` pair of Megatron-LM and DeepSpeed: n arrays of tokens end to end, and their offsets. Both the memory-mapped
 * format (`MMIDIDX`) and the older one (`TNTIDX`) are read.
 *
 * The index takes 12 bytes of memory per item; each item is read from the file on demand.
 */
export class IndexedDataset extends IndexedItems<LocalSource, LocalSettings> {
  private constructor(rows: IndexedRows<LocalSource>, settings: LocalSettings) {
    super('IndexedDataset', rows, settings);
  }

  get dtypeTable(): DTypeTable | 'auto' {
    return this.settings.dtypeTable;
  }

  /**
   * Opens `<prefix>.bin` and `<prefix>.idx`. O(n) time for n items; the data is not read.
   *
   * @param prefix - A path or `file:` URL, with or without `.bin` or `.idx`.
   * @throws {@link StorageError} if a file is missing; {@link FormatError} if the index is damaged or not an index; {@link
   *   TruncatedFileError} if a file ends too early.
   */
  static async open(prefix: string | URL, options: IndexedDatasetOptions = {}): Promise<IndexedDataset> {
    const pair = openPair(prefix, options);
    try {
      const index = decodePair(pair, await pair.index.read(0, pair.index.byteLength));
      await checkDType(index, pair);
      const { prefix, data, dtypeTable } = pair;
      return new IndexedDataset(new IndexedRows(prefix, data, index), { dtypeTable });
    } catch (error) {
      pair.data.close();
      throw error;
    } finally {
      pair.index.close();
    }
  }

  /** Like {@link open}, synchronously. */
  static openSync(prefix: string | URL, options: IndexedDatasetOptions = {}): IndexedDataset {
    const pair = openPair(prefix, options);
    try {
      const index = decodePair(pair, pair.index.readSync(0, pair.index.byteLength));
      checkDTypeSync(index, pair);
      const { prefix, data, dtypeTable } = pair;
      return new IndexedDataset(new IndexedRows(prefix, data, index), { dtypeTable });
    } catch (error) {
      pair.data.close();
      throw error;
    } finally {
      pair.index.close();
    }
  }

  /**
   * Item `index`, shape `[sizes[index]]`, in the stored dtype. The older format keeps the item's own shape.
   *
   * @throws {@link IndexRangeError} if the item does not exist; {@link TruncatedFileError} if the file was truncated after it
   *   was opened.
   */
  get(index: number): Tensor {
    checkIndex(index, this.length, 'IndexedDataset');
    const size = this.sizes[index]!;
    return {
      dtype: this.dtype,
      shape: this.rows.index.shapes?.[index] ?? [size],
      data: this.#readItem(index, 0, size),
    };
  }

  /**
   * A part of item `index`, shape `[length]`.
   *
   * @param offset - First element. @defaultValue `0`
   * @param length - Number of elements. @defaultValue to the end of the item
   * @throws {@link IndexRangeError} if the item is shorter.
   */
  read(index: number, offset = 0, length?: number): Tensor {
    checkIndex(index, this.length, 'IndexedDataset');
    const size = this.sizes[index]!;
    const count = length ?? size - offset;
    checkSpan(offset, count, size, { item: index });
    return { dtype: this.dtype, shape: [count], data: this.#readItem(index, offset, count) };
  }

  /**
   * Elements `start … start + count - 1` of all items end to end, in the stored dtype.
   *
   * @throws {@link IndexRangeError} if there are fewer elements.
   */
  readTokens(start: number, count: number): TypedArray {
    checkSpan(start, count, this.tokenCount, {});
    return this.#read(start * bytesPerElement(this.dtype), count);
  }

  /**
   * Copies the bytes of many ranges of `count` elements into `target`: see `LocalSource.readRangesSync`.
   *
   * @param starts - First element of each range, counted over all items end to end.
   * @throws {@link IndexRangeError} if there are fewer elements.
   */
  readTokenRanges(starts: ArrayLike<number>, count: number, target: Uint8Array, stride: number): void {
    this.rows.data.readRangesSync(this.#byteRanges(starts, count), target, stride);
  }

  /**
   * Replaces positions in all items end to end by the elements at them, as numbers. About 10 ns each through a memory map, one
   * read each without.
   *
   * @throws {@link IndexRangeError} if a position does not exist.
   */
  replaceByTokens(places: Int32Array | Float64Array): void {
    const { dtype } = this;
    if (dtype !== 'int64' && dtype !== 'uint64' && this.rows.data.replaceByElements) {
      const { tokenCount } = this;
      for (let k = 0; k < places.length; k++) {
        const place = places[k]!;
        if (!(place >= 0 && place < tokenCount)) checkSpan(place, 1, tokenCount, {});
      }
      this.rows.data.replaceByElements(places, dtype);
      return;
    }
    const stride = 16;
    const bytes = new Uint8Array(stride * places.length);
    this.rows.data.readRangesSync(this.#byteRanges(places, 1), bytes, stride);
    const elementBytes = bytesPerElement(this.dtype);
    const elements = viewOf(this.dtype, bytes.buffer, 0, bytes.length / elementBytes);
    const perStride = stride / elementBytes;
    const perWord = 8 / elementBytes;
    for (let k = 0; k < places.length; k++)
      places[k] = Number(elements[k * perStride + (places[k]! % perWord)]);
  }

  /** Whether elements are read from a memory map. */
  get isMapped(): boolean {
    return this.rows.data.isMapped ?? false;
  }

  /** Hint to read these ranges ahead, if the file is not in memory. */
  prefetchTokens(starts: ArrayLike<number>, count: number): void {
    this.rows.data.prefetch?.(this.#byteRanges(starts, count));
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<IndexedRowsRecipe, LocalSettings>,
    make: MakeFromRecipe,
  ): Promise<IndexedDataset> {
    return new IndexedDataset(await IndexedRows.fromRecipe(rows, make), settings);
  }

  #readItem(item: number, offset: number, count: number): TypedArray {
    try {
      return this.#read(this.pointers[item]! + offset * bytesPerElement(this.dtype), count);
    } catch (error) {
      throw error instanceof TruncatedFileError ? error.addLocation({ item }) : error;
    }
  }

  #byteRanges(starts: ArrayLike<number>, count: number): ByteRanges {
    const elementBytes = bytesPerElement(this.dtype);
    const byteStarts = new Float64Array(starts.length);
    for (let k = 0; k < starts.length; k++) {
      checkSpan(starts[k]!, count, this.tokenCount, {});
      byteStarts[k] = starts[k]! * elementBytes;
    }
    return { starts: byteStarts, length: count * elementBytes };
  }

  #read(byteOffset: number, count: number): TypedArray {
    const bytes = this.rows.data.readSync(byteOffset, byteOffset + count * bytesPerElement(this.dtype));
    return viewOf(this.dtype, bytes.buffer, 0, count);
  }
}

/** Both files of a dataset, opened. */
interface OpenPair extends IndexedPair {
  readonly prefix: string;
  readonly index: LocalSource;
  readonly data: LocalSource;
}

function openPair(name: string | URL, options: IndexedDatasetOptions): OpenPair {
  if (isRemote(name)) {
    throw new StorageError('An IndexedDataset is two files of this machine', {
      where: { url: String(name) },
      next: 'Open it with RemoteIndexedDataset.open(url), or with openDataset(url).',
    });
  }
  const { dtypeTable } = parseOptions('IndexedDataset options', indexedOptions, options);
  const prefix = datasetPrefix(name);
  const index = new FileSource(`${prefix}.idx`);
  try {
    return { prefix, dtypeTable, index, data: new FileSource(`${prefix}.bin`) };
  } catch (error) {
    index.close();
    throw error;
  }
}

/** @throws {@link IndexRangeError} */
export function checkSpan(
  start: number,
  count: number,
  available: number,
  place: { readonly item?: number },
): void {
  const whole = Number.isInteger(start) && Number.isInteger(count);
  if (whole && start >= 0 && count >= 0 && start + count <= available) return;
  throw new IndexRangeError(`Cannot read ${count} elements from ${start}: there are ${available}`, {
    where: { dataset: 'IndexedDataset', ...place, offset: start, length: count },
    next: `Read whole numbers of elements within 0 … ${available}.`,
  });
}
