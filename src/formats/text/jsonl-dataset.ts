import type { Dataset, IndexArray } from '../../core/dataset.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { Json } from '../../core/json.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import type { MakeFromRecipe, Movable, Recipe } from '../../core/recipe.js';
import { toRecipe } from '../../core/recipe.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { type DataFiles, openDataFiles } from '../data-files.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { findLines } from './line-index.js';
import { parseJson } from './parse-json.js';

/** File name endings of JSON Lines. */
export const jsonlEndings = ['.jsonl', '.ndjson'];

/**
 * JSON Lines: a JSON value a line. Blank lines are not samples. `NaN` and `Infinity` are read, as Python writes them; a whole number
 * beyond 2^53 - 1 is a `bigint`. Where the lines begin is found once, at about 1 GB/s, and kept in the
 * cache's folder for the next run; 8 bytes a line are in memory, which workers share.
 *
 * ```ts
 * const dataset = await JsonlDataset.open<{ text: string }>('data/*.jsonl');
 * ```
 *
 * @typeParam T - What a line holds. Nothing checks it.
 */
export class JsonlDataset<T = Json> implements Dataset<T>, Movable {
  readonly #records: RecordFiles;

  private constructor(records: RecordFiles) {
    this.#records = records;
  }

  /**
   * Opens one file or several, and reads them once.
   *
   * @throws {@link StorageError} when one of them cannot be read.
   */
  static async open<T = Json>(files: DataFiles, options: StorageOptions = {}): Promise<JsonlDataset<T>> {
    const sources = await openDataFiles(files, jsonlEndings, options);
    return new JsonlDataset(
      await RecordFiles.open('JsonlDataset', sources, (source) => findLines(source, false), {
        kind: 'lines',
        cache: options.cache,
      }),
    );
  }

  get length(): number {
    return this.#records.length;
  }

  /** Samples of each file. */
  get shardLengths(): readonly number[] {
    return this.#records.shardLengths;
  }

  /** @throws {@link FormatError} where the line is not JSON in UTF-8. */
  get(index: number): MaybePromise<T> {
    const text = this.#records.text(index);
    return typeof text === 'string'
      ? this.#parse(text, index)
      : text.then((found) => this.#parse(found, index));
  }

  #parse(text: string, index: number): T {
    try {
      return parseJson(text) as T;
    } catch (cause) {
      throw this.#records.damaged(index, `is not JSON: ${(cause as Error).message}`, cause);
    }
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#records.prefetch(indices);
  }

  fingerprint(): string {
    return fingerprint({ kind: 'JsonlDataset', files: this.#records.fingerprint() });
  }

  [toRecipe](): Recipe {
    return { builtIn: 'JsonlDataset', args: this.#records.recipe() };
  }

  static async fromRecipe(recipe: RecordFilesRecipe, make: MakeFromRecipe): Promise<JsonlDataset<unknown>> {
    return new JsonlDataset(await RecordFiles.fromRecipe(recipe, make));
  }

  close(): void {
    this.#records.close();
  }
}
