import type { Dataset } from '../core/dataset.js';
import type { FromRecipe, MakeFromRecipe } from '../core/recipe.js';
import type { ByteSource } from '../storage/byte-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import type { CsvType } from './csv/csv-columns.js';
import type { DTypeTable } from './indexed/indexed-dataset-dtypes.js';
import type { TableSchema } from './tables/table-schema.js';
import type { Constants } from './where/test-row.js';
import type { Where } from './where/where.js';

/**
 * Files of a dataset: paths, URLs, folders, patterns (`data/*.jsonl`, `s3://bucket/train-{000..099}.tar`), or open byte sources.
 * Several files make one dataset, in order.
 */
export type DataFiles = string | URL | ByteSource | readonly (string | URL | ByteSource)[];

/** Bytes at a fixed offset that every file of a format has. */
export interface Magic {
  readonly offset: number;
  /** One character per byte, `\x00` to `\xff`. */
  readonly bytes: string;
}

/** A column of a dataset and how it is stored. */
export interface StoredColumn {
  readonly name: string;
  readonly type: string;
}

/** Columns that have one value in each file, which the file does not store: those of folder names such as `year=2024`. */
export interface FileConstants {
  readonly columns: readonly StoredColumn[];
  /** By file, in the order of the files. */
  readonly values: readonly Constants[];
}

/** Facts about the files that `openDataset` passes to a format. */
export interface FileFacts {
  /** @internal */
  readonly constants?: FileConstants;
  /** @internal The columns of the table that the files belong to. */
  readonly tableSchema?: TableSchema;
  /** @internal What the table says about each of its files. */
  readonly tableFiles?: readonly TableFileFacts[];
}

/** What the log of a table says about one of its files. */
export interface TableFileFacts {
  /** Identifies the content of the file. */
  readonly fingerprint: string;
  /** Number of rows, if it is known and all are in the table. */
  readonly length?: number | undefined;
  /** Finds the rows that are in the table. @defaultValue all */
  readonly rowsLeft?: ((rowCount: number) => Promise<Float64Array>) | undefined;
}

/** Options of `openDataset` that a format may take besides those of storage. */
export interface FormatOptions extends StorageOptions {
  readonly columns?: readonly string[];
  readonly where?: Where;
  readonly constants?: FileConstants;
  readonly field?: string;
  readonly delimiter?: string;
  readonly header?: boolean | readonly string[];
  readonly types?: Readonly<Record<string, CsvType>>;
  readonly inferRows?: number | 'all';
  readonly missing?: readonly string[];
  readonly decimal?: '.' | ',';
  readonly dtypeTable?: DTypeTable | 'auto';
  readonly version?: number | bigint | string;
  readonly table?: string;
  readonly query?: string;
}

/** Name of an option that a format may take. */
export type FormatOptionName = Exclude<keyof FormatOptions, keyof StorageOptions>;

/** The static side of a dataset class: opens files, and makes an instance from a recipe in a worker. */
export interface DatasetClass<Files, D> extends FromRecipe<unknown> {
  open(files: Files, options: FormatOptions): Promise<D>;
}

/** What a format is, as {@link defineFormat} takes it. */
export interface FormatDefinition<Name extends string, Files, D extends Dataset<unknown>> {
  readonly name: Name;
  /** Endings of file names, in lower case with the dot. */
  readonly endings: readonly string[];
  readonly magic?: Magic;
  /**
   * What holds a data set: any number of files, one file, or a folder that describes itself. A folder with several files of a format
   * that keeps a data set in one file holds several data sets. @defaultValue `'files'`
   */
  readonly unit?: 'files' | 'file' | 'folder';
  /** Options of `openDataset` that the format takes. @defaultValue none */
  readonly takes?: readonly FormatOptionName[];
  /**
   * Whether samples may hold pictures, which `openDataset` with `transforms` makes into tensors: as a column of a row, or the format
   * takes the options itself. @defaultValue `'column'`
   */
  readonly pictures?: 'column' | 'own' | 'none';
  /** Name of the dataset class, as its recipes have it. */
  readonly dataset: string;
  /** Imports the dataset class. */
  load(): Promise<DatasetClass<Files, D>>;
  /** The columns of an open dataset, if the files list them. */
  columnsOf?(dataset: D): readonly StoredColumn[];
  /** Other classes that move into workers, by the name in their recipes. */
  readonly otherClasses?: Readonly<Record<string, () => Promise<FromRecipe<unknown>>>>;
}

/** A format that `openDataset` reads. */
export interface FileFormat<Name extends string = string> {
  readonly name: Name;
  readonly endings: readonly string[];
  readonly magic: Magic | undefined;
  readonly unit: 'files' | 'file' | 'folder';
  readonly takes: readonly FormatOptionName[];
  readonly pictures: 'column' | 'own' | 'none';
  /** Classes of the format that move into workers, by the name in their recipes. */
  readonly classes: Readonly<Record<string, () => Promise<FromRecipe<unknown>>>>;
  /** Opens files. `options` holds storage options and those in `takes` only. */
  open(
    files: string | readonly ByteSource[],
    options: FormatOptions,
  ): Promise<{
    readonly dataset: Dataset<unknown>;
    readonly columns: readonly StoredColumn[] | undefined;
  }>;
  /** Makes a dataset of the format from the arguments of its recipe. */
  fromRecipe(args: never, make: MakeFromRecipe): Promise<unknown>;
}

/** Defines a format. Nothing is imported before a dataset is opened. */
export function defineFormat<const Name extends string, D extends Dataset<unknown>>(
  definition: FormatDefinition<Name, string, D> & { readonly unit: 'file' | 'folder' },
): FileFormat<Name>;
export function defineFormat<const Name extends string, D extends Dataset<unknown>>(
  definition: FormatDefinition<Name, DataFiles, D>,
): FileFormat<Name>;
export function defineFormat<Name extends string, D extends Dataset<unknown>>(
  definition: FormatDefinition<Name, never, D>,
): FileFormat<Name> {
  const { name, endings, magic, unit = 'files', takes = [], pictures = 'column', otherClasses } = definition;
  const { dataset: className } = definition;
  return {
    name,
    endings,
    magic,
    unit,
    takes,
    pictures,
    classes: { [className]: () => definition.load(), ...otherClasses },
    async open(files, options) {
      const dataset = await (await definition.load()).open(files as never, options);
      return { dataset, columns: definition.columnsOf?.(dataset) };
    },
    async fromRecipe(args, make) {
      return (await definition.load()).fromRecipe(args, make);
    },
  };
}
