import { Buffer } from 'node:buffer';
import * as v from 'valibot';
import type { Dataset, IndexArray } from '../../core/dataset.js';
import { fingerprint } from '../../core/fingerprint.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe, Movable, Recipe } from '../../core/recipe.js';
import { toRecipe } from '../../core/recipe.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { type DataFiles, openDataFiles } from '../data-files.js';
import { type FindRecords, RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { findLines } from './line-index.js';
import { findDocuments, wholeFile } from './text-index.js';

/** How text is cut into samples. */
export type TextUnit =
  /** Each line that is not blank, without its end. */
  | 'line'
  /** Each file. */
  | 'file'
  /** What stands between separators: `{ separator: '<|endoftext|>' }`. */
  | { readonly separator: string };

export interface TextDatasetOptions extends StorageOptions {
  /** What a sample is. @defaultValue `'line'` */
  readonly unit?: TextUnit;
}

const schema = v.looseObject({
  unit: v.optional(
    v.union(
      [v.picklist(['line', 'file']), v.strictObject({ separator: v.pipe(v.string(), v.minLength(1)) })],
      "must be 'line', 'file' or { separator } with at least one character",
    ),
    'line',
  ),
});

/** File name endings of plain text. */
export const textEndings = ['.txt', '.text', '.md'];

/** Plain text in UTF-8: lines, files, or documents between separators. 8 bytes a sample are kept, in memory that workers share. */
export class TextDataset implements Dataset<string>, Movable {
  readonly unit: TextUnit;
  readonly #records: RecordFiles;

  private constructor(records: RecordFiles, unit: TextUnit) {
    this.#records = records;
    this.unit = unit;
  }

  /**
   * Opens one file or several, and reads them once unless each is one sample.
   *
   * @throws {@link StorageError} when one of them cannot be read.
   */
  static async open(files: DataFiles, options: TextDatasetOptions = {}): Promise<TextDataset> {
    const { unit, ...storage } = parseOptions('TextDataset options', schema, options);
    const sources = await openDataFiles(files, textEndings, storage);
    const { find, kind } = searchOf(unit);
    const kept = kind === undefined ? undefined : { kind, cache: options.cache };
    return new TextDataset(await RecordFiles.open('TextDataset', sources, find, kept), unit);
  }

  get length(): number {
    return this.#records.length;
  }

  /** Samples of each file. */
  get shardLengths(): readonly number[] {
    return this.#records.shardLengths;
  }

  /** @throws {@link FormatError} where the text is not UTF-8. */
  get(index: number): MaybePromise<string> {
    return andThen(this.#records.text(index), (text) => this.#trim(text));
  }

  #trim(text: string): string {
    if (this.unit === 'file') return text.startsWith('\ufeff') ? text.slice(1) : text;
    if (this.unit === 'line') return text.slice(0, endOfLine(text));
    const end = text.indexOf(this.unit.separator);
    return end < 0 ? text : text.slice(0, end);
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#records.prefetch(indices);
  }

  fingerprint(): string {
    return fingerprint({ kind: 'TextDataset', unit: this.unit, files: this.#records.fingerprint() });
  }

  [toRecipe](): Recipe {
    return { builtIn: 'TextDataset', args: { records: this.#records.recipe(), unit: this.unit } };
  }

  static async fromRecipe(
    { records, unit }: { records: RecordFilesRecipe; unit: TextUnit },
    make: MakeFromRecipe,
  ): Promise<TextDataset> {
    return new TextDataset(await RecordFiles.fromRecipe(records, make), unit);
  }

  close(): void {
    this.#records.close();
  }
}

/** How samples are found, and what that is called where it is kept. */
function searchOf(unit: TextUnit): { readonly find: FindRecords; readonly kind?: string } {
  if (unit === 'file') return { find: wholeFile };
  if (unit === 'line') return { find: (source) => findLines(source, false), kind: 'lines' };
  const { separator } = unit;
  return {
    find: (source) => findDocuments(source, Buffer.from(separator)),
    kind: `documents ${separator}`,
  };
}

/** Where a line ends; blank lines behind it belong to the same record. */
function endOfLine(text: string): number {
  const end = text.indexOf('\n');
  if (end < 0) return text.length;
  return text[end - 1] === '\r' ? end - 1 : end;
}
