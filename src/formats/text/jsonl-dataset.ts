import * as v from 'valibot';
import type { Json } from '../../core/json.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { openDataFiles, openStoredFiles } from '../data-files.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import type { DataFiles, FileFacts } from '../file-format.js';
import type { StreamOfFiles } from '../file-stream.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import type { Where } from '../where/where.js';
import { chooseJson, JsonRecords, type JsonSettings, jsonOptions } from './json-records.js';
import { JsonlStream } from './jsonl-stream.js';
import { findLines } from './line-index.js';

export interface JsonlDatasetOptions extends StorageOptions {
  /** Fields of a line's object that a sample has. Fields that a line lacks are left out. @defaultValue all */
  readonly columns?: readonly string[];
  /** Selects lines: `{ score: { gte: 0.5 }, 'meta.lang': 'en' }`. Opening then parses all lines. @defaultValue all */
  readonly where?: Where;
}

const schema = v.looseObject(jsonOptions);

/**
 * JSON Lines: one JSON value per line. Blank lines are skipped. `NaN` and `Infinity` are read as Python writes them; a whole number
 * beyond 2^53 - 1 becomes a `bigint`. The offsets of the lines are found once, at about 1 GB/s, and kept in the cache folder for the
 * next run. They take 8 bytes per line in memory that workers share.
 *
 * ```ts
 * const dataset = await JsonlDataset.open<{ text: string }>('data/*.jsonl');
 * ```
 *
 * @typeParam T - A line's value. It is not checked.
 */
export class JsonlDataset<T = Json> extends JsonRecords<T> {
  private constructor(records: RecordFiles, settings: JsonSettings) {
    super('JsonlDataset', records, settings);
  }

  /**
   * Opens one or more files and reads each of them once to find its lines.
   *
   * @throws {@link StorageError} if a file cannot be read; {@link ConfigError} for a field that no line has.
   */
  static async open<T = Json>(
    files: DataFiles,
    options: JsonlDatasetOptions & FileFacts = {},
  ): Promise<JsonlDataset<T>> {
    const { columns, where, constants, ...storage } = parseOptions('JsonlDataset options', schema, options);
    const sources = await openDataFiles(files, 'jsonl', storage);
    const kept = { kind: 'lines', cache: options.cache };
    const all = await RecordFiles.open('JsonlDataset', sources, (source) => findLines(source, false), kept);
    return closingOnError(sources, async () => {
      const chosen = await chooseJson('JsonlDataset', all, { columns, where, constants }, false);
      return new JsonlDataset<T>(chosen.records, chosen.settings);
    });
  }

  /**
   * Opens files to be read from start to end: a stream, which needs no length, so that opening reads no line. The files are dealt to at
   * most 16 groups that are delivered in turn, so that workers read different files; the order depends on the files alone. Its state is
   * an offset in a file: resuming reads no line again, but a compressed file from its start. `maxDecompressedBytes` limits a line.
   *
   * @throws {@link StorageError} if a file cannot be found. Damage is noticed when it is read.
   */
  static async stream<T = Json>(files: DataFiles, options: StorageOptions = {}): Promise<StreamOfFiles<T>> {
    const { maxDecompressedBytes } = storageOptions(options);
    const sources = await openStoredFiles(files, 'jsonl', options);
    return closingOnError(sources, () => JsonlStream.of<T>(sources, { maxDecompressedBytes }));
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe, JsonSettings>,
    make: MakeFromRecipe,
  ): Promise<JsonlDataset<unknown>> {
    return new JsonlDataset(await RecordFiles.fromRecipe(rows, make), settings);
  }
}
