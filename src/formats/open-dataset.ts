import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { parseOptions } from '../core/options.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { isRemote } from '../storage/url-scheme.js';
import { openExactFiles } from './data-files.js';
import type { LeftOutFile } from './find/choose-files.js';
import { type FormatName, formatNames } from './find/detect-format.js';
import { findData, warnOfLeftOut } from './find/find-data.js';
import type { IndexedDatasetOptions } from './indexed/indexed-dataset.js';

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
  readonly columns: readonly { readonly name: string; readonly type: string }[] | undefined;
  /** Files of the folder or pattern that are not read, and why. */
  readonly leftOut: readonly LeftOutFile[];
}

/** Formats whose samples have no columns to choose from. */
const withoutColumns: readonly FormatName[] = ['jsonl', 'text', 'indexed', 'images', 'npy'];

const schema = v.looseObject({
  format: v.optional(v.picklist(formatNames, `must be one of ${formatNames.join(', ')}`)),
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
  checkColumns(found.format, columns);
  const opened = await openFormat(found.format, found.files, storage, columns, dtypeTable);
  return { ...opened, leftOut: found.leftOut };
}

function checkColumns(format: FormatName, columns: readonly string[] | undefined): void {
  if (!columns || !withoutColumns.includes(format)) return;
  throw new ConfigError('openDataset options', [
    { field: 'columns', message: `has no effect on ${format}, whose samples have no columns to choose from` },
  ]);
}

/** Formats whose datasets take one name. */
const ofOneFile: readonly FormatName[] = ['mds', 'indexed', 'images', 'npy', 'npz', 'safetensors'];

type Opened = Omit<OpenedDataset, 'leftOut'>;

async function openFormat(
  format: FormatName,
  found: string | readonly string[],
  storage: StorageOptions,
  columns: readonly string[] | undefined,
  dtypeTable: IndexedDatasetOptions['dtypeTable'],
): Promise<Opened> {
  const chosen = columns ? { ...storage, columns } : storage;
  const name = typeof found === 'string' ? found : found[0]!;
  const files =
    typeof found === 'string' || ofOneFile.includes(format) ? name : await openExactFiles(found, storage);
  switch (format) {
    case 'jsonl':
      return plain(format, await (await import('./text/jsonl-dataset.js')).JsonlDataset.open(files, storage));
    case 'text':
      return plain(format, await (await import('./text/text-dataset.js')).TextDataset.open(files, storage));
    case 'csv': {
      const dataset = await (await import('./csv/csv-dataset.js')).CsvDataset.open(files, chosen);
      return { format, dataset, columns: dataset.columns };
    }
    case 'parquet': {
      const dataset = await (await import('./parquet/parquet-dataset.js')).ParquetDataset.open(files, chosen);
      return { format, dataset, columns: dataset.columns };
    }
    case 'arrow': {
      const dataset = await (await import('./arrow/arrow-dataset.js')).ArrowDataset.open(files, chosen);
      return { format, dataset, columns: dataset.columns };
    }
    case 'webdataset':
      return plain(format, await (await import('./web/web-dataset.js')).WebDataset.open(files, chosen));
    case 'mds': {
      const dataset = await (await import('./mds/mds-dataset.js')).MdsDataset.open(name, chosen);
      return {
        format,
        dataset,
        columns: dataset.columns.map(({ name, encoding }) => ({ name, type: encoding })),
      };
    }
    case 'indexed': {
      const dataset = isRemote(name)
        ? await (await import('./indexed/remote-indexed-dataset.js')).RemoteIndexedDataset.open(name, {
            ...storage,
            ...(dtypeTable && { dtypeTable }),
          })
        : await (await import('./indexed/indexed-dataset.js')).IndexedDataset.open(
            name,
            dtypeTable ? { dtypeTable } : {},
          );
      return { format, dataset, columns: [{ name: 'tokens', type: dataset.dtype }] };
    }
    case 'images':
      return plain(format, await (await import('./images/image-folder.js')).ImageFolder.open(name, storage));
    case 'npy': {
      const dataset = await (await import('./arrays/npy-dataset.js')).NpyDataset.open(name, storage);
      return {
        format,
        dataset,
        columns: [{ name: 'array', type: shown(dataset.storedDType, dataset.sampleShape) }],
      };
    }
    case 'npz':
    case 'safetensors': {
      const dataset =
        format === 'npz'
          ? await (await import('./arrays/npz-dataset.js')).NpzDataset.open(name, chosen)
          : await (await import('./arrays/safetensors-dataset.js')).SafetensorsDataset.open(name, chosen);
      const described = dataset.columns.map((column) => ({
        name: column.name,
        type: shown(column.dtype, column.shape),
      }));
      return { format, dataset, columns: described };
    }
  }
}

function plain(format: FormatName, dataset: Dataset<unknown>): Opened {
  return { format, dataset, columns: undefined };
}

function shown(dtype: string, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`;
}
