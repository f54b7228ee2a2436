import type { Json } from '../../core/json.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFiles } from '../data-files.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import type { DataFiles } from '../file-format.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { findLines } from './line-index.js';
import { parseJson } from './parse-json.js';

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
export class JsonlDataset<T = Json> extends FileDataset<T, RecordFiles, null> {
  private constructor(records: RecordFiles) {
    super('JsonlDataset', records, null);
  }

  /**
   * Opens one or more files and reads each of them once to find its lines.
   *
   * @throws {@link StorageError} if a file cannot be read.
   */
  static async open<T = Json>(files: DataFiles, options: StorageOptions = {}): Promise<JsonlDataset<T>> {
    const sources = await openDataFiles(files, 'jsonl', options);
    return new JsonlDataset(
      await RecordFiles.open('JsonlDataset', sources, (source) => findLines(source, false), {
        kind: 'lines',
        cache: options.cache,
      }),
    );
  }

  /** @throws {@link FormatError} if the line is not JSON in UTF-8. */
  get(index: number): MaybePromise<T> {
    const text = this.rows.text(index);
    return typeof text === 'string'
      ? this.#parse(text, index)
      : text.then((found) => this.#parse(found, index));
  }

  #parse(text: string, index: number): T {
    try {
      return parseJson(text) as T;
    } catch (cause) {
      throw this.rows.damaged(index, `is not JSON: ${(cause as Error).message}`, cause);
    }
  }

  static async fromRecipe(
    { rows }: FileRecipe<RecordFilesRecipe>,
    make: MakeFromRecipe,
  ): Promise<JsonlDataset<unknown>> {
    return new JsonlDataset(await RecordFiles.fromRecipe(rows, make));
  }
}
