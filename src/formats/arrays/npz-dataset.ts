import * as v from 'valibot';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import { storageOptions } from '../../storage/storage-options.js';
import { openDataFile } from '../data-files.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import { ArrayRows, type ArrayRowsRecipe, type StoredArray } from './array-rows.js';
import { chooseArrays, NamedArrays, type NamedArraysOptions } from './named-arrays.js';
import { openNpyArray } from './npy-array.js';
import { crcErrors, readZipEntries } from './zip-entries.js';

const schema = v.looseObject({ columns: v.optional(v.array(v.string())) });

/**
 * The arrays of an `.npz` file, row by row. Arrays from `numpy.savez` are read in place; those from `numpy.savez_compressed`
 * are decompressed into memory when the file is opened.
 */
export class NpzDataset extends NamedArrays {
  /**
   * @throws {@link StorageError} if the file cannot be read; {@link FormatError} if it is damaged, an array has no rows of
   *   numbers, or arrays differ in length; {@link ConfigError} for an array that is not there.
   */
  static async open(file: string | URL | ByteSource, options: NamedArraysOptions = {}): Promise<NpzDataset> {
    const { columns, ...storage } = parseOptions('NpzDataset options', schema, options);
    const source = await openDataFile(file, storage);
    return closingOnError([source], async () => {
      const { maxDecompressedBytes: limit } = storageOptions(storage);
      const isWanted = (name: string) =>
        name.endsWith('.npy') && (!columns || columns.includes(name.slice(0, -4)));
      const names: string[] = [];
      const entries = await readZipEntries(source, limit, (name) => {
        if (name.endsWith('.npy')) names.push(name.slice(0, -4));
        return isWanted(name);
      });
      const arrays = new Map<string, StoredArray>();
      for (const { name, source, start, end } of entries)
        arrays.set(name.slice(0, -4), await openNpyArray(source, limit, start, end));
      const chosen = chooseArrays('NpzDataset', arrays, columns, names);
      const rows = new ArrayRows('NpzDataset', chosen, await contentFingerprint(source));
      return new NpzDataset(rows, () => crcErrors(entries));
    });
  }

  static async fromRecipe({ rows }: FileRecipe<ArrayRowsRecipe>, make: MakeFromRecipe): Promise<NpzDataset> {
    return new NpzDataset(await ArrayRows.fromRecipe(rows, make));
  }
}
