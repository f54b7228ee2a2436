import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { parseOptions } from '../core/options.js';
import type { ByteSource } from '../storage/byte-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { CheckedDataset, type SchemaModule, type StandardSchema } from './checked-dataset.js';
import { openExactFiles } from './data-files.js';
import type {
  FileConstants,
  FileFormat,
  FormatOptionName,
  FormatOptions,
  StoredColumn,
} from './file-format.js';
import type { LeftOutFile } from './find/choose-files.js';
import { type FoundData, findData, warnOfLeftOut } from './find/find-data.js';
import { hivePartitions } from './find/hive-partitions.js';
import { type FormatName, formatNamed, knownFormats } from './format-table.js';
import { PictureRows } from './images/picture-rows.js';
import { type PictureOptions, type PictureSettings, pictureOptions } from './images/picture-settings.js';
import type { IndexedDatasetOptions } from './indexed/indexed-dataset.js';
import { filesToOpen } from './where/files-to-open.js';
import { RowChoice } from './where/select-rows.js';
import { type Where, whereOption } from './where/where.js';

/** @typeParam T - A sample. */
export interface OpenDatasetOptions<T = unknown> extends StorageOptions, PictureOptions {
  /** The format. @defaultValue detected from names and content */
  readonly format?: FormatName;
  /** Columns of a sample, for formats with columns. @defaultValue all */
  readonly columns?: readonly string[];
  /**
   * Selects rows, with the same meaning for Parquet, Arrow, CSV and JSON: `{ year: { gte: 2020 }, lang: 'en' }`. Files that
   * folder names rule out (`year=2019/…`) are not opened. @defaultValue all
   */
  readonly where?: Where;
  /** For `.json`: path to the array of records in the object of a file, `'data.items'`. @defaultValue the file is the array */
  readonly field?: string;
  /** For CSV: see `CsvDataset.open`. */
  readonly delimiter?: string;
  /** For CSV: see `CsvDataset.open`. */
  readonly header?: boolean | readonly string[];
  /** For CSV: types of columns. @defaultValue inferred */
  readonly types?: FormatOptions['types'] & object;
  /** For CSV: rows from which types are inferred, or `'all'`. @defaultValue `1_000` */
  readonly inferRows?: number | 'all';
  /** For CSV: cells that stand for a missing value: `['NA', '-']`. @defaultValue none besides empty cells */
  readonly missing?: readonly string[];
  /** For CSV: the mark before the fraction of a number. @defaultValue `'.'` */
  readonly decimal?: '.' | ',';
  /** For a `.bin`/`.idx` pair: the table of its type codes. @defaultValue detected from the files */
  readonly dtypeTable?: IndexedDatasetOptions['dtypeTable'];
  /**
   * For a Delta table: the version. For an Iceberg table: the id of a snapshot, as a `bigint` (`3051729675574597004n`), or the name of a
   * branch or tag. For a Lance table: the version, or a tag. @defaultValue the newest
   */
  readonly version?: number | bigint | string;
  /** For a database: the table, whose rows come in the order of their row ids. @defaultValue the only one */
  readonly table?: string;
  /** For a database: a query with ORDER BY, in whose order its rows come. */
  readonly query?: string;
  /**
   * A validator of zod, valibot, arktype or another library of Standard Schema. It types and checks each sample when it is read, and
   * may change it. For workers, name it by its module with `workerFunction`. @defaultValue samples are not checked
   */
  readonly schema?: StandardSchema<T> | SchemaModule;
  /**
   * Opens only the samples of a selection: the output of `millrace select` or `selectDataset`, and `#` with the name of a split if
   * there are several, `'selection#train'`. Open the data with the options it was selected with. @defaultValue all samples
   */
  readonly selection?: string;
}

/** An open dataset and what its files say about it. */
export interface OpenedDataset<T = unknown> {
  readonly format: FormatName;
  readonly dataset: Dataset<T>;
  /** Columns of a sample and their stored types; `undefined` if the files do not list them. */
  readonly columns: readonly StoredColumn[] | undefined;
  /** Files of the folder or pattern that are not read, with the reason. */
  readonly leftOut: readonly LeftOutFile[];
}

const versionMessage =
  'must be a whole number from 0 to 2^53 - 1, the id of a snapshot as a bigint (123n), or the name of a branch or tag';

function isVersion(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0;
  return typeof value === 'bigint' || typeof value === 'string';
}

const schema = v.looseObject({
  format: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (name) => formatNamed(name) !== undefined,
        () => `must be one of ${knownFormats().join(', ')}`,
      ),
    ),
  ),
  columns: v.optional(v.array(v.string())),
  where: whereOption,
  schema: v.optional(v.custom<StandardSchema<unknown> | SchemaModule>((value) => value !== null)),
  selection: v.optional(v.string()),
  version: v.optional(v.custom<number | bigint | string>(isVersion, versionMessage)),
  table: v.optional(v.string()),
  query: v.optional(v.string()),
  dtypeTable: v.optional(
    v.picklist(['auto', 'deepspeed', 'megatron'], "must be 'auto', 'deepspeed' or 'megatron'"),
  ),
});

/** Options that only some formats take. */
const formatOptionNames: readonly FormatOptionName[] = [
  ...(['columns', 'where', 'field', 'delimiter', 'header', 'types'] as const),
  ...(['inferRows', 'missing', 'decimal', 'dtypeTable', 'version', 'table', 'query'] as const),
];

function isFormatOption(key: string): key is FormatOptionName {
  return formatOptionNames.some((name) => name === key);
}

/**
 * Opens files of any known format. The format is detected from the ending of a name, the files of a folder, or the first bytes.
 *
 * ```ts
 * const { dataset } = await openDataset('s3://bucket/train/*.parquet');
 * ```
 *
 * @typeParam T - A sample. Only a `schema` checks it.
 * @throws what the dataset's `open` throws; {@link FormatError} if the format is unknown.
 */
export async function openDataset<T = unknown>(
  files: string | URL,
  options: OpenDatasetOptions<T> = {},
): Promise<OpenedDataset<T>> {
  const opened = await openAndTell(files, options);
  warnOfLeftOut(String(files), opened);
  return opened;
}

/** Like {@link openDataset}, for callers that report skipped files themselves. */
export async function openAndTell<T = unknown>(
  files: string | URL,
  options: OpenDatasetOptions<T> = {},
): Promise<OpenedDataset<T>> {
  const { pictures, rest: taken } = pictureOptions('openDataset options', options);
  const {
    format: given,
    schema: validator,
    selection,
    ...rest
  } = parseOptions('openDataset options', schema, taken);
  const entries = Object.entries(rest);
  const isOfFormat = ([key]: [string, unknown]) => isFormatOption(key);
  const storage: StorageOptions = Object.fromEntries(entries.filter((entry) => !isOfFormat(entry)));
  const chosen: FormatOptions = Object.fromEntries(
    entries.filter((entry) => isOfFormat(entry) && entry[1] !== undefined),
  );
  const name = String(files);
  const found = await findData(name, storage, given);
  const format = formatNamed(found.format)!;
  checkTaken(format, chosen, pictures);
  const pruned = format.takes.includes('constants') ? prunedByFolders(name, found, chosen.where) : { found };
  const opened = await format.open(await namesOf(pruned.found, format, storage), {
    ...storage,
    ...chosen,
    ...(pruned.constants && { constants: pruned.constants }),
    ...(format.pictures === 'own' && pictures && { transforms: pictures.steps, ...pictures.options }),
  });
  const samples = selection === undefined ? opened.dataset : await selectedOf(opened.dataset, selection);
  const dataset = closingIfRefused(samples, (found) => {
    const rows = pictures && format.pictures === 'column' ? new PictureRows(found, pictures) : found;
    return (validator ? new CheckedDataset(rows, validator) : rows) as Dataset<T>;
  });
  return { format: found.format, columns: opened.columns, dataset, leftOut: found.leftOut };
}

/** Closes the dataset if the selection is not one of its samples. */
async function selectedOf(dataset: Dataset<unknown>, selection: string): Promise<Dataset<unknown>> {
  try {
    const { selected } = await import('./selection.js');
    return await selected(dataset, selection);
  } catch (error) {
    await dataset.close?.();
    throw error;
  }
}

/** Closes the dataset if wrapping it fails. */
function closingIfRefused<D>(dataset: Dataset<unknown>, wrap: (dataset: Dataset<unknown>) => D): D {
  try {
    return wrap(dataset);
  } catch (error) {
    void dataset.close?.();
    throw error;
  }
}

/** The files that folder names do not rule out, and the columns of these names. */
function prunedByFolders(
  name: string,
  found: FoundData,
  where: Where | undefined,
): { readonly found: FoundData; readonly constants?: FileConstants } {
  const { files } = found;
  if (typeof files === 'string') return { found };
  const all = hivePartitions(name, files);
  if (!all) return { found };
  const choice = where && RowChoice.of('openDataset', where, undefined);
  const indices = filesToOpen(choice, all);
  return {
    found: { ...found, files: indices.map((k) => files[k]!) },
    constants: { columns: all.columns, values: indices.map((k) => all.values[k]!) },
  };
}

/** What to open. Listed names are exact: several files are opened here, so that none is taken for a pattern. */
async function namesOf(
  { files, known }: FoundData,
  { unit }: FileFormat,
  storage: StorageOptions,
): Promise<string | readonly ByteSource[]> {
  if (typeof files === 'string') return files;
  return unit === 'files' ? openExactFiles(files, storage, known) : files[0]!;
}

/** @throws {@link ConfigError} for an option that the format does not take */
function checkTaken(
  { name, takes, pictures: holds }: FileFormat,
  options: FormatOptions,
  pictures: PictureSettings | undefined,
): void {
  const problems: ConfigProblem[] = Object.keys(options)
    .filter(isFormatOption)
    .filter((field) => !takes.includes(field))
    .map((field) => ({
      field,
      message:
        field === 'columns' || field === 'where'
          ? `has no effect on ${name}, whose samples have no columns to choose from`
          : `has no effect on ${name}`,
    }));
  if (pictures && holds === 'none')
    problems.push({
      field: 'transforms',
      message: `has no effect on ${name}, whose samples hold no pictures`,
    });
  if (problems.length > 0) throw new ConfigError('openDataset options', problems);
}
