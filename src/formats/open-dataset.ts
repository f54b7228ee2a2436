import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { parseOptions } from '../core/options.js';
import type { ByteSource } from '../storage/byte-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { openExactFiles } from './data-files.js';
import type { FileFormat, FormatOptions, StoredColumn } from './file-format.js';
import type { LeftOutFile } from './find/choose-files.js';
import { type FoundData, findData, warnOfLeftOut } from './find/find-data.js';
import { type FormatName, formatNamed, knownFormats } from './format-table.js';
import type { IndexedDatasetOptions } from './indexed/indexed-dataset.js';
import type { DTypeTable } from './indexed/indexed-dataset-dtypes.js';

export interface OpenDatasetOptions extends StorageOptions {
  /** The format. @defaultValue found out from names and content */
  readonly format?: FormatName;
  /** Which columns a sample has, where the format has some. @defaultValue all */
  readonly columns?: readonly string[];
  /** Of a `.bin`/`.idx` pair: whose type codes it has. @defaultValue found out from the files */
  readonly dtypeTable?: IndexedDatasetOptions['dtypeTable'];
}

/** A dataset of files, and what is known of it beforehand. */
export interface OpenedDataset {
  readonly format: FormatName;
  readonly dataset: Dataset<unknown>;
  /** Columns of a sample and how they are stored, where the files say. */
  readonly columns: readonly StoredColumn[] | undefined;
  /** Files of the folder or pattern that are not read, and why. */
  readonly leftOut: readonly LeftOutFile[];
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
  dtypeTable: v.optional(
    v.picklist(['auto', 'deepspeed', 'megatron'], "must be 'auto', 'deepspeed' or 'megatron'"),
    'auto',
  ),
});

/**
 * Opens files of any format that Millrace knows, by its ending, its folder or what it begins with.
 *
 * ```ts
 * const { dataset } = await openDataset('s3://bucket/train/*.parquet');
 * ```
 *
 * @throws what the datasets of the formats throw; {@link FormatError} when the format cannot be told.
 */
export async function openDataset(
  files: string | URL,
  options: OpenDatasetOptions = {},
): Promise<OpenedDataset> {
  const opened = await openAndTell(files, options);
  warnOfLeftOut(String(files), opened);
  return opened;
}

/** {@link openDataset} for callers that show themselves what is left out. */
export async function openAndTell(
  files: string | URL,
  options: OpenDatasetOptions = {},
): Promise<OpenedDataset> {
  const {
    format: given,
    columns,
    dtypeTable,
    ...storage
  } = parseOptions('openDataset options', schema, options);
  const name = String(files);
  const found = await findData(name, storage, given);
  const format = formatNamed(found.format)!;
  const chosen = optionsFor(format, columns, dtypeTable);
  const opened = await format.open(await namesOf(found, format, storage), { ...storage, ...chosen });
  return { format: found.format, ...opened, leftOut: found.leftOut };
}

/** What to open. Listed names are exact: several files are opened here, so that none is taken for a pattern. */
async function namesOf(
  { files }: FoundData,
  { unit }: FileFormat,
  storage: StorageOptions,
): Promise<string | readonly ByteSource[]> {
  if (typeof files === 'string') return files;
  return unit === 'files' ? openExactFiles(files, storage) : files[0]!;
}

/** The options that a format takes. @throws {@link ConfigError} for columns of a format that has none to choose from */
function optionsFor(
  { name, takes }: FileFormat,
  columns: readonly string[] | undefined,
  dtypeTable: DTypeTable | 'auto',
): FormatOptions {
  if (columns && !takes.includes('columns'))
    throw new ConfigError('openDataset options', [
      { field: 'columns', message: `has no effect on ${name}, whose samples have no columns to choose from` },
    ]);
  return { ...(columns && { columns }), ...(takes.includes('dtypeTable') && { dtypeTable }) };
}
