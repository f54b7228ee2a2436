import { Buffer } from 'node:buffer';
import * as v from 'valibot';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFiles } from '../data-files.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import type { DataFiles } from '../file-format.js';
import { type FindRecords, RecordFiles, type RecordFilesRecipe } from '../records/record-files.js';
import { findLines } from './line-index.js';
import { findDocuments, wholeFile } from './text-index.js';

/** How text is cut into samples. */
export type TextUnit =
  /** Each line that is not blank, without its line ending. */
  | 'line'
  /** Each file. */
  | 'file'
  /** The text between separators: `{ separator: '<|endoftext|>' }`. */
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

/**
 * Plain text in UTF-8: lines, files, or documents between separators. Offsets take 8 bytes per sample in memory that workers share.
 */
export class TextDataset extends FileDataset<string, RecordFiles, TextUnit> {
  private constructor(records: RecordFiles, unit: TextUnit) {
    super('TextDataset', records, unit);
  }

  /**
   * Opens one or more files. Reads each of them once, unless a file is a sample.
   *
   * @throws {@link StorageError} if a file cannot be read.
   */
  static async open(files: DataFiles, options: TextDatasetOptions = {}): Promise<TextDataset> {
    const { unit, ...storage } = parseOptions('TextDataset options', schema, options);
    const sources = await openDataFiles(files, 'text', storage);
    const { find, kind } = searchOf(unit);
    const kept = kind === undefined ? undefined : { kind, cache: options.cache };
    return new TextDataset(await RecordFiles.open('TextDataset', sources, find, kept), unit);
  }

  get unit(): TextUnit {
    return this.settings;
  }

  /** @throws {@link FormatError} if the text is not UTF-8. */
  get(index: number): MaybePromise<string> {
    return andThen(this.rows.text(index), (text) => this.#trim(text));
  }

  #trim(text: string): string {
    if (this.unit === 'file') return text.startsWith('\ufeff') ? text.slice(1) : text;
    if (this.unit === 'line') return text.slice(0, endOfLine(text));
    const end = text.indexOf(this.unit.separator);
    return end < 0 ? text : text.slice(0, end);
  }

  protected override identity() {
    return { unit: this.unit };
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<RecordFilesRecipe, TextUnit>,
    make: MakeFromRecipe,
  ): Promise<TextDataset> {
    return new TextDataset(await RecordFiles.fromRecipe(rows, make), settings);
  }
}

/** How samples are found, and the key under which their offsets are cached. */
function searchOf(unit: TextUnit): { readonly find: FindRecords; readonly kind?: string } {
  if (unit === 'file') return { find: wholeFile };
  if (unit === 'line') return { find: (source) => findLines(source, false), kind: 'lines' };
  const { separator } = unit;
  return {
    find: (source) => findDocuments(source, Buffer.from(separator)),
    kind: `documents ${separator}`,
  };
}

/** The end of the first line. Blank lines after it belong to the same record. */
function endOfLine(text: string): number {
  const end = text.indexOf('\n');
  if (end < 0) return text.length;
  return text[end - 1] === '\r' ? end - 1 : end;
}
