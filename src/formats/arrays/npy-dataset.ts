import type { BatchContext, Dataset, IndexArray } from '../../core/dataset.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, toRecipe } from '../../core/recipe.js';
import type { Tensor } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { openDataFile } from '../data-files.js';
import { ArrayRows, type ArrayRowsRecipe } from './array-rows.js';
import { openNpyArray } from './npy-array.js';
import type { StoredDType } from './stored-dtype.js';

/** The one array of an `.npy` file has no name there. */
const theArray = 'array';

/**
 * The array of an `.npy` file: sample i is row i, and a batch is written straight into its place. Elements keep their dtype, except
 * float16, which becomes float32. Opening reads the header alone; an array in Fortran order is read into memory and put in C order.
 */
export class NpyDataset implements Dataset<Tensor>, Movable {
  readonly #rows: ArrayRows;
  readonly #content: string;

  private constructor(rows: ArrayRows, content: string) {
    this.#rows = rows;
    this.#content = content;
  }

  /**
   * @throws {@link StorageError} when the file cannot be read; {@link FormatError} when it is damaged, or its array has no rows of
   *   numbers; {@link TruncatedFileError} when it is cut short.
   */
  static async open(file: string | URL | ByteSource, options: StorageOptions = {}): Promise<NpyDataset> {
    const source = await openDataFile(file, options);
    try {
      const [array, content] = await Promise.all([
        openNpyArray(source, storageOptions(options).maxDecompressedBytes),
        contentFingerprint(source),
      ]);
      return new NpyDataset(new ArrayRows('NpyDataset', new Map([[theArray, array]])), content);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  get length(): number {
    return this.#rows.length;
  }

  /** How the elements are stored. */
  get storedDType(): StoredDType {
    return this.#rows.columns[0]!.dtype;
  }

  /** Shape of a sample. */
  get sampleShape(): readonly number[] {
    return this.#rows.columns[0]!.shape;
  }

  get(index: number): MaybePromise<Tensor> {
    return this.#rows.row(theArray, index);
  }

  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<Tensor> {
    return this.#rows.batch(theArray, indices, context);
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#rows.prefetch(indices);
  }

  fingerprint(): string {
    return fingerprint({ kind: 'NpyDataset', content: this.#content });
  }

  [toRecipe](): Recipe {
    return { builtIn: 'NpyDataset', args: { rows: this.#rows.recipe(), content: this.#content } };
  }

  static async fromRecipe(
    { rows, content }: { rows: ArrayRowsRecipe; content: string },
    make: MakeFromRecipe,
  ): Promise<NpyDataset> {
    return new NpyDataset(await ArrayRows.fromRecipe(rows, make), content);
  }

  close(): void {
    this.#rows.close();
  }
}
