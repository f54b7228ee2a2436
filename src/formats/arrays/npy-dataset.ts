import type { BatchContext, IndexArray } from '../../core/dataset.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { Tensor } from '../../core/tensor.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { openDataFile } from '../data-files.js';
import { closingOnError, FileDataset, type FileRecipe } from '../file-dataset.js';
import { ArrayRows, type ArrayRowsRecipe } from './array-rows.js';
import { openNpyArray } from './npy-array.js';
import type { StoredDType } from './stored-dtype.js';

/** Name of the array of an `.npy` file, which has none in the file. */
const theArray = 'array';

/**
 * The array of an `.npy` file: sample i is row i, and batches are written in place. Elements keep their dtype, except float16,
 * which becomes float32. `open` reads the header only; an array in Fortran order is read into memory and transposed.
 */
export class NpyDataset extends FileDataset<Tensor, ArrayRows, null> {
  private constructor(rows: ArrayRows) {
    super('NpyDataset', rows, null);
  }

  /**
   * @throws {@link StorageError} if the file cannot be read; {@link FormatError} if it is damaged, or its array has no rows of
   *   numbers; {@link TruncatedFileError} if it is cut short.
   */
  static async open(file: string | URL | ByteSource, options: StorageOptions = {}): Promise<NpyDataset> {
    const source = await openDataFile(file, options);
    return closingOnError([source], async () => {
      const [array, content] = await Promise.all([
        openNpyArray(source, storageOptions(options).maxDecompressedBytes),
        contentFingerprint(source),
      ]);
      return new NpyDataset(new ArrayRows('NpyDataset', new Map([[theArray, array]]), content));
    });
  }

  /** How the elements are stored. */
  get storedDType(): StoredDType {
    return this.rows.columns[0]!.dtype;
  }

  /** Shape of a sample. */
  get sampleShape(): readonly number[] {
    return this.rows.columns[0]!.shape;
  }

  get(index: number): MaybePromise<Tensor> {
    return this.rows.row(theArray, index);
  }

  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<Tensor> {
    return this.rows.batch(theArray, indices, context);
  }

  static async fromRecipe({ rows }: FileRecipe<ArrayRowsRecipe>, make: MakeFromRecipe): Promise<NpyDataset> {
    return new NpyDataset(await ArrayRows.fromRecipe(rows, make));
  }
}
