import type { DType } from '../core/dtype.js';
import type { ByteSource } from '../storage/byte-source.js';
import type { DTypeTable } from './indexed-dataset-dtypes.js';
import { decodeIndex, type ItemIndex } from './indexed-dataset-index.js';

/** What the index of a `.bin`/`.idx` pair says, wherever the pair is. */
export abstract class IndexedItems {
  /** Path (absolute) or URL of the pair without `.bin` and `.idx`. */
  readonly prefix: string;
  /** What the elements are stored as. */
  readonly dtype: DType;
  /** Number of items n. */
  readonly length: number;
  /** Elements of all items together. */
  readonly tokenCount: number;
  /** Shape `[n]`: elements of each item. */
  readonly sizes: Int32Array;
  /** Shape `[n]`: where each item begins in the `.bin` file, in bytes. */
  readonly pointers: Float64Array;
  /**
   * Item numbers at which documents begin, then the number of items. Merged files may have an entry twice. The older
   * format counts dimensions here; they are turned into items.
   */
  readonly documentIndex: Float64Array;

  /** @internal */
  constructor(prefix: string, { dtype, sizes, pointers, documentIndex }: ItemIndex) {
    this.prefix = prefix;
    this.dtype = dtype;
    this.length = sizes.length;
    this.sizes = sizes;
    this.pointers = pointers;
    this.documentIndex = documentIndex;
    this.tokenCount = sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** The two files. */
export interface IndexedPair {
  readonly index: ByteSource;
  readonly data: ByteSource;
  readonly dtypeTable: DTypeTable | 'auto';
}

/** @param bytes - Of the index, all of them. @throws {@link FormatError}, {@link TruncatedFileError} */
export function decodePair({ index, data, dtypeTable }: IndexedPair, bytes: Uint8Array): ItemIndex {
  return decodeIndex({
    bytes,
    file: index.name,
    dataFile: data.name,
    dataBytes: data.byteLength,
    dtypeTable,
  });
}
