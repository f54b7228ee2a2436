import * as v from 'valibot';
import { parseOptions } from '../core/options.js';
import type { MakeFromRecipe } from '../core/recipe.js';
import type { ByteSource } from '../storage/byte-source.js';
import { contentFingerprint } from '../storage/content-fingerprint.js';
import { ArrayRows, type StoredArray } from './array-rows.js';
import { openDataFile } from './data-files.js';
import {
  chooseArrays,
  NamedArrays,
  type NamedArraysOptions,
  type NamedArraysRecipe,
  namedArraysFromRecipe,
} from './named-arrays.js';
import { readNpyHeader } from './npy-header.js';
import { readZipEntries } from './zip-entries.js';

const schema = v.looseObject({ columns: v.optional(v.array(v.string())) });

/**
 * The arrays of an `.npz` file, by row. What `numpy.savez` has written is read in place; what `numpy.savez_compressed` has written is
 * decompressed into memory when it is opened.
 */
export class NpzDataset extends NamedArrays {
  /**
   * @throws {@link StorageError} when the file cannot be read; {@link FormatError} when it is damaged, an array has no rows of numbers,
   *   or two have different lengths; {@link ConfigError} for an array that is not there.
   */
  static async open(file: string | URL | ByteSource, options: NamedArraysOptions = {}): Promise<NpzDataset> {
    const { columns, ...storage } = parseOptions('NpzDataset options', schema, options);
    const source = await openDataFile(file, storage);
    try {
      const isWanted = (name: string) =>
        name.endsWith('.npy') && (!columns || columns.includes(name.slice(0, -4)));
      const entries = await readZipEntries(source, isWanted);
      const arrays = await Promise.all(
        entries.map(
          async (entry): Promise<[string, StoredArray]> => [
            entry.name.slice(0, -4),
            await readNpyHeader(entry.source, entry.start, entry.end),
          ],
        ),
      );
      const chosen = chooseArrays('NpzDataset', new Map(arrays), columns);
      return new NpzDataset(new ArrayRows('NpzDataset', chosen), await contentFingerprint(source));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  static fromRecipe(recipe: NamedArraysRecipe, make: MakeFromRecipe): Promise<NpzDataset> {
    return namedArraysFromRecipe(make, recipe, NpzDataset);
  }
}
