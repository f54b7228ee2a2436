import * as v from 'valibot';
import { bytesPerElement, type DType, type TypedArray } from '../../core/dtype.js';
import { ConfigError, ShapeError } from '../../core/errors.js';
import { booleanOption, parseOptions } from '../../core/options.js';
import { isTensor, type Tensor } from '../../core/tensor.js';
import { FileSource } from '../../storage/file-source.js';
import { FileWriter } from '../../storage/file-writer.js';
import { localPath } from '../../storage/local-path.js';
import { castElements, checkFit, type Elements } from './cast-elements.js';
import { datasetPrefix } from './dataset-prefix.js';
import { IndexedDataset } from './indexed-dataset.js';
import { codeOf, type DTypeTable, dtypesOf } from './indexed-dataset-dtypes.js';
import { encodeHeader } from './indexed-dataset-header.js';
import { int64Words } from './int64-array.js';
import { ItemSizes } from './item-sizes.js';

export interface IndexedDatasetBuilderOptions {
  /** Dtype of stored elements: an integer, or with `'megatron'` a float. @defaultValue `'int64'` */
  readonly dtype?: DType;
  /** The table of type codes to write. The tables differ for `uint16` and wider dtypes. @defaultValue `'deepspeed'` */
  readonly dtypeTable?: DTypeTable;
  /** Whether {@link IndexedDatasetBuilder.finalize} returns the SHA-256 of both files. @defaultValue `false` */
  readonly checksums?: boolean;
  /**
   * Whether values that do not fit the dtype wrap and lose their fraction, as in DeepSpeed's builder. @defaultValue `false`:
   * they are an error
   */
  readonly parity?: boolean;
}

/** SHA-256 of the files, in hex. */
export interface IndexedDatasetChecksums {
  readonly bin: string;
  readonly idx: string;
}

const schema = v.strictObject({
  dtype: v.optional(v.string('must be a dtype'), 'int64'),
  dtypeTable: v.optional(
    v.picklist(['deepspeed', 'megatron'], "must be 'deepspeed' or 'megatron'"),
    'deepspeed',
  ),
  checksums: v.optional(booleanOption, false),
  parity: v.optional(booleanOption, false),
});

const pieceBytes = 1 << 22;
const pointersPerPiece = 1 << 17;

/**
 * Writes a `.bin`/`.idx` pair that Megatron-LM, DeepSpeed and {@link IndexedDataset} read.
 *
 * Both files are written under temporary names and renamed by {@link finalize}, the index last: a crash at any moment leaves no
 * index that describes more than the data holds. Memory: 4 bytes per item and 8 per document.
 *
 * Every method throws {@link StorageError} with the file if writing fails; nothing is left behind.
 */
export class IndexedDatasetBuilder {
  readonly dtype: DType;
  readonly dtypeTable: DTypeTable;
  readonly #prefix: string;
  readonly #code: number;
  readonly #data: FileWriter;
  readonly #sizes = new ItemSizes();
  readonly #documentIndex = [0];
  readonly #checksums: boolean;
  readonly #parity: boolean;
  #finished = false;

  /**
   * @param pathOrPrefix - The `.bin` file, or the common name of both files.
   * @throws {@link ConfigError} for a dtype without a code in the table.
   */
  constructor(pathOrPrefix: string | URL, options: IndexedDatasetBuilderOptions = {}) {
    const { dtype, dtypeTable, checksums, parity } = parseOptions(
      'IndexedDatasetBuilder options',
      schema,
      options,
    );
    this.#checksums = checksums;
    this.#parity = parity;
    this.dtypeTable = dtypeTable;
    this.dtype = dtype as DType;
    this.#code = checkedCode(this.dtype, dtypeTable);
    this.#prefix = datasetPrefix(pathOrPrefix);
    this.#data = new FileWriter(`${this.#prefix}.bin`, { checksum: checksums });
  }

  /** Items so far. */
  get length(): number {
    return this.#sizes.count;
  }

  /**
   * Appends one item: all elements of an array or a tensor of any shape, in row-major order.
   *
   * @throws {@link FormatError} for a value that does not fit the dtype; {@link ShapeError} above 2^31 - 1 elements, the limit
   *   of the format.
   */
  addItem(item: Elements | Tensor): void {
    const elements = isTensor(item) ? item.data : item;
    this.#sizes.check(elements.length);
    this.#append(this.#cast(elements));
    this.#sizes.push(elements.length);
  }

  /**
   * Appends many items at once, much faster than one by one if they are short.
   *
   * @param flat - The elements of all items end to end.
   * @param lengths - Elements of each item.
   * @throws {@link ShapeError} if the lengths do not add up to the number of elements, or one is above 2^31 - 1.
   */
  addItems(flat: Elements | Tensor, lengths: ArrayLike<number>): void {
    const elements = isTensor(flat) ? flat.data : flat;
    let total = 0;
    for (let i = 0; i < lengths.length; i++) {
      this.#sizes.check(lengths[i]!);
      total += lengths[i]!;
    }
    if (total !== elements.length) {
      throw new ShapeError(`The lengths add up to ${total} elements, there are ${elements.length}`, {
        where: { items: lengths.length },
        next: 'Give the length of every item, and all of their elements.',
      });
    }
    this.#append(this.#cast(elements));
    this.#sizes.pushAll(lengths);
  }

  #cast(elements: Elements): TypedArray {
    const cast = castElements(elements, this.dtype);
    if (!this.#parity) checkFit(elements, this.dtype);
    return cast;
  }

  /** Ends a document after the items so far. */
  endDocument(): void {
    this.#checkOpen();
    this.#documentIndex.push(this.#sizes.count);
  }

  /**
   * Appends the items and documents of another dataset.
   *
   * @throws {@link ConfigError} if it has another dtype.
   */
  merge(prefix: string | URL): void {
    this.#checkOpen();
    const other = IndexedDataset.openSync(prefix, { dtypeTable: this.dtypeTable });
    other.close();
    if (other.dtype !== this.dtype) {
      throw new ConfigError(
        'IndexedDatasetBuilder',
        [{ field: 'dtype', message: `${other.dtype} cannot be merged into one of ${this.dtype}` }],
        {
          where: { file: `${other.prefix}.bin`, dtype: other.dtype },
          next: `Write the dataset as ${this.dtype} first, or build with dtype: '${other.dtype}'.`,
        },
      );
    }
    const offset = this.#sizes.count;
    this.#copyData(`${other.prefix}.bin`, other.tokenCount * bytesPerElement(other.dtype));
    this.#sizes.pushAll(other.sizes);
    // Skip the first entry, where the documents so far end already.
    for (const boundary of other.documentIndex.subarray(1)) this.#documentIndex.push(offset + boundary);
  }

  /**
   * Writes the index and renames both files to their final names. Like DeepSpeed's builder, it does not end a document: call
   * {@link endDocument} first.
   *
   * @param indexPath - Path of the index. @defaultValue beside the data, ending in `.idx`
   * @returns the checksums, if the options ask for them
   */
  finalize(indexPath: string | URL = `${this.#prefix}.idx`): IndexedDatasetChecksums | undefined {
    this.#checkOpen();
    const path = localPath(indexPath);
    this.#finished = true;
    this.#data.finish();
    const index = this.#finishIndex(path);
    // Between the two renames, an old index would describe the new data.
    index.removeOld();
    this.#data.publish();
    index.publish();
    return this.#checksums ? { bin: this.#data.checksum()!, idx: index.checksum()! } : undefined;
  }

  /** Discards what was written; files of an earlier run stay. Does nothing after {@link finalize}. */
  discard(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#data.discard();
  }

  #append(elements: TypedArray): void {
    this.#checkOpen();
    this.#data.append(elements);
  }

  #copyData(file: string, byteLength: number): void {
    const source = new FileSource(file);
    try {
      for (let start = 0; start < byteLength; start += pieceBytes) {
        this.#data.append(source.readSync(start, Math.min(start + pieceBytes, byteLength)));
      }
    } catch (error) {
      // The file holds part of a dataset that no item describes.
      this.discard();
      throw error;
    } finally {
      source.close();
    }
  }

  #finishIndex(path: string): FileWriter {
    try {
      const index = new FileWriter(path, { checksum: this.#checksums });
      this.#writeIndex(index);
      index.finish();
      return index;
    } catch (error) {
      this.#data.discard();
      throw error;
    }
  }

  #writeIndex(index: FileWriter): void {
    const sizes = this.#sizes.toArray();
    index.append(
      encodeHeader({ code: this.#code, items: sizes.length, documents: this.#documentIndex.length }),
    );
    index.append(sizes);
    const itemBytes = bytesPerElement(this.dtype);
    const pointers = new Float64Array(Math.min(sizes.length, pointersPerPiece));
    let byteOffset = 0;
    for (let start = 0; start < sizes.length; start += pointersPerPiece) {
      const count = Math.min(pointersPerPiece, sizes.length - start);
      for (let i = 0; i < count; i++) {
        pointers[i] = byteOffset;
        byteOffset += sizes[start + i]! * itemBytes;
      }
      index.append(int64Words(pointers, 0, count));
    }
    index.append(int64Words(this.#documentIndex));
  }

  #checkOpen(): void {
    if (!this.#finished) return;
    throw new ConfigError(
      'IndexedDatasetBuilder',
      [{ field: '', message: 'the dataset is finished, so that nothing can be added' }],
      {
        where: { file: `${this.#prefix}.bin` },
        next: 'Add everything before finalize, or build another dataset and merge both.',
      },
    );
  }
}

function checkedCode(dtype: DType, table: DTypeTable): number {
  const code = codeOf(dtype, table);
  if (code !== undefined) return code;
  const message = `is not one of ${dtypesOf(table).join(', ')}`;
  throw new ConfigError('IndexedDatasetBuilder options', [
    { field: 'dtype', message: `${dtype} ${message}` },
  ]);
}
