import * as v from 'valibot';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFiles } from '../data-files.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import type { DataFiles, FileConstants } from '../file-format.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import type { Where } from '../where/where.js';
import { findArray } from './find-array.js';
import { chooseJson, JsonRecords, type JsonSettings, jsonOptions } from './json-records.js';

interface JsonDatasetOptions extends StorageOptions {
  /** Fields of an element that a sample has. @defaultValue all */
  readonly columns?: readonly string[];
  /** Selects elements. @defaultValue all */
  readonly where?: Where;
  /** Path to the array in the object of a file: `'data.items'`. @defaultValue the file is an array, or lines */
  readonly field?: string;
  /** @internal */
  readonly constants?: FileConstants;
}

const schema = v.looseObject({ ...jsonOptions, field: v.optional(v.string()) });

/** Files of JSON: the elements of one array, which is the whole file or a field of its object. A file of lines is read too. */
export class JsonDataset extends JsonRecords<unknown> {
  private constructor(records: RecordFiles, settings: JsonSettings) {
    super('JsonDataset', records, settings);
  }

  /**
   * Opens one or more files and reads each of them once to find the elements.
   *
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if a file does not have the array; {@link
   *   ConfigError} for a field that no element has
   */
  static async open(files: DataFiles, options: JsonDatasetOptions = {}): Promise<JsonDataset> {
    const { columns, where, constants, field, ...storage } = parseOptions(
      'JsonDataset options',
      schema,
      options,
    );
    const sources = await openDataFiles(files, 'json', storage);
    const kept = { kind: `json array ${field ?? ''}`, cache: options.cache };
    const all = await RecordFiles.open('JsonDataset', sources, (source) => findArray(source, field), kept);
    return closingOnError(sources, async () => {
      const chosen = await chooseJson('JsonDataset', all, { columns, where, constants }, true);
      const settings = { ...chosen.settings, ...(field !== undefined && { field }) };
      return new JsonDataset(chosen.records, settings);
    });
  }

  protected override identity() {
    const { field } = this.settings;
    return { ...super.identity(), ...(field !== undefined && { field }) };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe, JsonSettings>,
    make: MakeFromRecipe,
  ): Promise<JsonDataset> {
    return new JsonDataset(await RecordFiles.fromRecipe(rows, make), settings);
  }
}
