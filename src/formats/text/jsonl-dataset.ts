import * as v from 'valibot';
import type { Json, JsonObject } from '../../core/json.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { ownValue, setOwn } from '../../core/record.js';
import { messageOf } from '../../core/thrown.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFiles } from '../data-files.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import type { DataFiles } from '../file-format.js';
import { RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { findLines } from './line-index.js';
import { parseJson } from './parse-json.js';

export interface JsonlDatasetOptions extends StorageOptions {
  /** Fields of a line's object that a sample has. Fields that a line lacks are left out. @defaultValue all */
  readonly columns?: readonly string[];
}

const schema = v.looseObject({ columns: v.optional(v.array(v.string())) });

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
export class JsonlDataset<T = Json> extends FileDataset<T, RecordFiles, readonly string[] | null> {
  private constructor(records: RecordFiles, columns: readonly string[] | null) {
    super('JsonlDataset', records, columns);
  }

  /**
   * Opens one or more files and reads each of them once to find its lines.
   *
   * @throws {@link StorageError} if a file cannot be read.
   */
  static async open<T = Json>(files: DataFiles, options: JsonlDatasetOptions = {}): Promise<JsonlDataset<T>> {
    const { columns, ...storage } = parseOptions('JsonlDataset options', schema, options);
    const sources = await openDataFiles(files, 'jsonl', storage);
    return new JsonlDataset(
      await RecordFiles.open('JsonlDataset', sources, (source) => findLines(source, false), {
        kind: 'lines',
        cache: options.cache,
      }),
      columns ?? null,
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
      return this.#choose(parseJson(text)) as T;
    } catch (cause) {
      throw this.rows.damaged(index, `is not JSON: ${messageOf(cause)}`, cause);
    }
  }

  /** The chosen fields of a line's object. Fields that a line lacks are left out; other values than objects have no fields. */
  #choose(value: unknown): unknown {
    const columns = this.settings;
    if (columns === null || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const row: Record<string, unknown> = {};
    for (const name of columns)
      if (Object.hasOwn(value, name)) setOwn(row, name, ownValue(value as Record<string, unknown>, name));
    return row;
  }

  protected override identity(): JsonObject {
    return this.settings === null ? {} : { columns: [...this.settings] };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe, readonly string[] | null>,
    make: MakeFromRecipe,
  ): Promise<JsonlDataset<unknown>> {
    return new JsonlDataset(await RecordFiles.fromRecipe(rows, make), settings);
  }
}
