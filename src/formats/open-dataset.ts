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
  /** The format. @defaultValue detected from names and content */
  readonly format?: FormatName;
  /** Columns of a sample, for formats with columns. @defaultValue all */
  readonly columns?: readonly string[];
  /** For a `.bin`/`.idx` pair: the table of its type codes. @defaultValue detected from the files */
  readonly dtypeTable?: IndexedDatasetOptions['dtypeTable'];
}

/** An open dataset and what its files say about it. */
export interface OpenedDataset {
  readonly format: FormatName;
  readonly dataset: Dataset<unknown>;
  /** Columns of a sample and their stored types; `undefined` if the files do not list them. */
  readonly columns: readonly StoredColumn[] | undefined;
  /** Files of the folder or pattern that are not read, with the reason. */
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
 * Opens files of any known format. The format is detected from the ending of a name, the files of a folder, or the first bytes.
 *
 * ```ts
 * const { dataset } = await openDataset('s3://bucket/train/*.parquet');
 * ```
 *
 * @throws what the dataset's `open` throws; {@link FormatError} if the format is unknown.
 */
export async function openDataset(
  files: string | URL,
  options: OpenDatasetOptions = {},
): Promise<OpenedDataset> {
  const opened = await openAndTell(files, options);
  warnOfLeftOut(String(files), opened);
  return opened;
}

/** Like {@link openDataset}, for callers that report skipped files themselves. */
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
  { files, known }: FoundData,
  { unit }: FileFormat,
  storage: StorageOptions,
): Promise<string | readonly ByteSource[]> {
  if (typeof files === 'string') return files;
  return unit === 'files' ? openExactFiles(files, storage, known) : files[0]!;
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
