import * as v from 'valibot';
import { FormatError } from '../../core/errors.js';
import { parseOptions } from '../../core/options.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { contentFingerprint } from '../../storage/content-fingerprint.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { openDataFiles } from '../data-files.js';
import { closingOnError, type FileRecipe } from '../file-dataset.js';
import type { DataFiles, FileFacts } from '../file-format.js';
import { chooseRows, settingsOf } from '../tables/choose-rows.js';
import { columnsNamed } from '../tables/columns-named.js';
import { TableDataset, tableOptions } from '../tables/table-dataset.js';
import {
  shardsFromRecipe,
  type TableRowsRecipe,
  type TableSettings,
  type TableShard,
} from '../tables/table-rows.js';
import type { Where } from '../where/where.js';
import { ArrowFile } from './arrow-file.js';
import { typeText } from './arrow-schema.js';

export interface ArrowDatasetOptions extends StorageOptions {
  /** Columns of a sample. @defaultValue all */
  readonly columns?: readonly string[];
  /** Selects rows: `{ score: { gte: 0.5 }, lang: { in: ['en', 'de'] } }`. @defaultValue all */
  readonly where?: Where;
  /** Number of decoded record batches that are kept. @defaultValue `8` */
  readonly cacheBlocks?: number;
  /** The most bytes that a record batch may expand to. @defaultValue `2 ** 30` */
  readonly maxDecompressedBytes?: number;
}

const schema = v.looseObject(tableOptions);

/**
 * Arrow IPC files and streams, and Feather version 2: each row is an object by column. 64-bit integers are `bigint`, dates and
 * timestamps `Date`, decimals numbers, lists of numbers typed arrays, structs and maps objects, missing values `null`. A file
 * is read by record batch, a stream as a whole.
 */
export class ArrowDataset<T = Readonly<Record<string, unknown>>> extends TableDataset<T, ArrowFile> {
  /** Names and Arrow types of the columns of a sample. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];

  private constructor(shards: readonly TableShard<ArrowFile>[], settings: TableSettings) {
    super('ArrowDataset', shards, settings);
    const { first } = this.rows;
    const constants = settings.constants ?? [];
    const isConstant = (name: string) => constants.some((column) => column.name === name);
    const stored = settings.columns
      .filter((name) => !isConstant(name))
      .map((name) => ({ name, type: typeOfColumn(first, name) }));
    for (const { file } of shards) checkColumns(file, first, stored);
    const known = [...constants, ...stored];
    this.columns = columnsNamed(settings.columns, known);
  }

  /**
   * Opens one or more files, which must have the same columns.
   *
   * @throws {@link StorageError} if a file cannot be read; {@link FormatError} if a file is damaged or has other columns;
   *   {@link ConfigError} for a column that is not there.
   */
  static async open<T = Readonly<Record<string, unknown>>>(
    files: DataFiles,
    options: ArrowDatasetOptions & FileFacts = {},
  ): Promise<ArrowDataset<T>> {
    const { columns, where, constants, cacheBlocks, maxDecompressedBytes, ...storage } = parseOptions(
      'ArrowDataset options',
      schema,
      options,
    );
    const sources = await openDataFiles(files, 'arrow', { ...storage, maxDecompressedBytes });
    return closingOnError(sources, async () => {
      const shards = await Promise.all(
        sources.map(async (source) => {
          const [file, content] = await Promise.all([
            ArrowFile.open(source, { maxDecompressedBytes }),
            contentFingerprint(source),
          ]);
          return { file, fingerprint: content };
        }),
      );
      const names = shards[0]!.file.fields.map(({ name }) => name);
      const found = await chooseRows('ArrowDataset', shards, names, { columns, where, constants });
      return new ArrowDataset<T>(found.shards, {
        ...settingsOf(found, constants),
        cacheBlocks,
        maxDecompressedBytes,
      });
    });
  }

  /** @internal */
  get firstFile(): ArrowFile {
    return this.rows.first;
  }

  static async fromRecipe(
    { rows, settings }: FileRecipe<TableRowsRecipe, TableSettings>,
    make: MakeFromRecipe,
  ): Promise<ArrowDataset<unknown>> {
    const { maxDecompressedBytes } = settings;
    const shards = await shardsFromRecipe(rows, make, (source, bounds) =>
      ArrowFile.open(source, { bounds, maxDecompressedBytes }),
    );
    return new ArrowDataset(shards, settings);
  }
}

/** The Arrow type of a column; `missing` if the file does not have it. */
function typeOfColumn(file: ArrowFile, name: string): string {
  const field = file.fields.find((candidate) => candidate.name === name);
  return field ? typeText(field) : 'missing';
}

function checkColumns(
  file: ArrowFile,
  first: ArrowFile,
  columns: readonly { readonly name: string; readonly type: string }[],
): void {
  const other = columns.find(({ name, type }) => typeOfColumn(file, name) !== type);
  if (!other) return;
  throw new FormatError('Two files have different columns', {
    where: {
      file: file.source.name,
      column: other.name,
      type: typeOfColumn(file, other.name),
      firstFile: first.source.name,
      firstType: other.type,
    },
    next: 'Choose columns that all have with { columns: […] }, or open them as two datasets.',
  });
}
