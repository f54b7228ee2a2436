import type { BatchContext, IndexArray } from '../../core/dataset.js';
import { FormatError } from '../../core/errors.js';
import { checkIndex } from '../../core/index-range.js';
import { knownValue } from '../../core/known-value.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Recipe, recipeOf } from '../../core/recipe.js';
import { elementCount, type Tensor, zeroTensor } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { truncated } from '../../storage/truncated.js';
import type { FileRows } from '../file-dataset.js';
import { fetchesAhead, prefetchRange, sumOfBytes } from '../records/prefetch-range.js';
import { RecordReader } from '../records/record-reader.js';
import { type StoredDType, sampleDType, storedBytes, unpack } from './stored-dtype.js';

/** An array in a file, in row-major order: shape `[n, …]`. */
export interface StoredArray {
  readonly source: ByteSource;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Offset of the first element. */
  readonly byteOffset: number;
  /** Whether the most significant byte of an element comes first. @defaultValue false */
  readonly isBigEndian?: boolean;
}

interface Column {
  readonly array: StoredArray;
  readonly reader: RecordReader;
  readonly rowShape: readonly number[];
  readonly rowBytes: number;
}

export interface ArrayRowsRecipe {
  readonly owner: string;
  readonly content: string;
  readonly arrays: readonly (readonly [string, Omit<StoredArray, 'source'>])[];
  readonly sources: readonly Recipe[];
  /** Position of each array's source in `sources`. */
  readonly places: readonly number[];
}

/** Arrays of equal length, row by row: row i of each makes sample i. */
export class ArrayRows implements FileRows {
  readonly owner: string;
  readonly length: number;
  /** Rows are read one by one. */
  readonly shardLengths: undefined;
  readonly #content: string;
  readonly #columns: ReadonlyMap<string, Column>;

  /**
   * @param owner - The dataset class, for messages.
   * @param content - Fingerprint of the file's content.
   * @throws {@link FormatError} if an array has no rows or arrays differ in their number of rows; {@link TruncatedFileError} if the file
   *   ends too early.
   */
  constructor(owner: string, arrays: ReadonlyMap<string, StoredArray>, content: string) {
    this.owner = owner;
    this.#content = content;
    this.#columns = new Map(Array.from(arrays, ([name, array]) => [name, columnOf(name, array)]));
    const lengths = Array.from(arrays, ([name, { shape }]) => `${name} ${shape[0]}`);
    const [first] = arrays.values();
    this.length = first?.shape[0] ?? 0;
    if (!first || Array.from(arrays.values()).every(({ shape }) => shape[0] === this.length)) return;
    throw new FormatError('The arrays have different numbers of rows', {
      where: { file: first.source.name, rows: lengths.join(' ') },
      next: "Choose arrays of one length with { columns: ['…'] }.",
    });
  }

  get names(): string[] {
    return [...this.#columns.keys()];
  }

  /** Name, dtype and shape of each column. */
  get columns(): { readonly name: string; readonly dtype: StoredDType; readonly shape: readonly number[] }[] {
    return Array.from(this.#columns, ([name, { array, rowShape }]) => ({
      name,
      dtype: array.dtype,
      shape: rowShape,
    }));
  }

  /** Row `index` of an array. */
  row(name: string, index: number): MaybePromise<Tensor> {
    checkIndex(index, this.length, this.owner);
    const { array, rowShape } = knownValue(this.#columns, name);
    const made = zeroTensor(sampleDType(array.dtype), rowShape);
    return andThen(this.#readInto(name, index, bytesOf(made)), () => made);
  }

  /** Rows of an array, shape `[B, …]`, written into the batch. */
  batch(name: string, indices: IndexArray, context: BatchContext): MaybePromise<Tensor> {
    const { array, rowShape } = knownValue(this.#columns, name);
    const made = context.allocate(sampleDType(array.dtype), [indices.length, ...rowShape]);
    const bytes = bytesOf(made);
    const rowBytes = indices.length === 0 ? 0 : bytes.length / indices.length;
    const waiting: Promise<void>[] = [];
    for (let k = 0; k < indices.length; k++) {
      checkIndex(indices[k]!, this.length, this.owner);
      const target = bytes.subarray(k * rowBytes, (k + 1) * rowBytes);
      const read = this.#readInto(name, indices[k]!, target);
      if (read instanceof Promise) waiting.push(read);
    }
    return waiting.length === 0 ? made : Promise.all(waiting).then(() => made);
  }

  /** Fetches the remote rows of all arrays into the cache. */
  prefetch(indices: IndexArray): number | undefined {
    if (!fetchesAhead(Array.from(this.#columns.values(), ({ array }) => array.source))) return undefined;
    return sumOfBytes(
      Array.from(this.#columns.values()).flatMap(({ array, rowBytes }) =>
        Array.from(indices, (index) => {
          const start = array.byteOffset + index * rowBytes;
          return prefetchRange(array.source, start, start + rowBytes);
        }),
      ),
    );
  }

  #readInto(name: string, index: number, target: Uint8Array): MaybePromise<void> {
    const { array, reader, rowBytes } = knownValue(this.#columns, name);
    const start = array.byteOffset + index * rowBytes;
    return andThen(reader.read(start, start + rowBytes), (bytes) =>
      unpack(array.dtype, array.isBigEndian ? reversed(bytes, storedBytes(array.dtype)) : bytes, target),
    );
  }

  identity(): { readonly content: string } {
    return { content: this.#content };
  }

  recipe(): ArrayRowsRecipe {
    const sources = [...new Set(Array.from(this.#columns.values(), ({ array }) => array.source))];
    const columns = [...this.#columns];
    return {
      owner: this.owner,
      content: this.#content,
      arrays: columns.map(
        ([
          name,
          {
            array: { source: _, ...array },
          },
        ]) => [name, array],
      ),
      sources: sources.map((source) => recipeOf(source, 'source')),
      places: columns.map(([, { array }]) => sources.indexOf(array.source)),
    };
  }

  static async fromRecipe(
    { owner, content, arrays, sources, places }: ArrayRowsRecipe,
    make: MakeFromRecipe,
  ): Promise<ArrayRows> {
    const made = await Promise.all(sources.map((source) => make<ByteSource>(source)));
    return new ArrayRows(
      owner,
      new Map(arrays.map(([name, array], k) => [name, { ...array, source: made[places[k]!]! }])),
      content,
    );
  }

  close(): void {
    for (const { array } of this.#columns.values()) array.source.close();
  }
}

/** Copies elements with reversed byte order. */
function reversed(bytes: Uint8Array, width: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let at = 0; at < copy.length; at += width) copy.subarray(at, at + width).reverse();
  return copy;
}

function columnOf(name: string, array: StoredArray): Column {
  const { source, dtype, shape, byteOffset } = array;
  if (shape.length === 0) {
    throw new FormatError(`The array ${name} is a single number: it has no rows`, {
      where: { file: source.name, array: name },
      next: 'Samples are the rows of an array: write one with at least one dimension.',
    });
  }
  const rowShape = shape.slice(1);
  const rowBytes = elementCount(rowShape) * storedBytes(dtype);
  const needed = shape[0]! * rowBytes;
  if (byteOffset + needed > source.byteLength)
    throw truncated(source.name, byteOffset, needed, Math.max(0, source.byteLength - byteOffset));
  return { array, reader: new RecordReader(source), rowShape, rowBytes };
}

function bytesOf({ data: { buffer, byteOffset, byteLength } }: Tensor): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
