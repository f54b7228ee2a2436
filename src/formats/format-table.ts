import { ConfigError } from '../core/errors.js';
import type { FromRecipe } from '../core/recipe.js';
import { ownValue } from '../core/record.js';
import { contentName } from '../storage/decompress.js';
import { isRemote } from '../storage/url-scheme.js';
import { defineFormat, type FileFormat, type FormatOptions } from './file-format.js';
import type { SqlEngineName } from './sql/sql-engine.js';

/** A database in a file. */
function databaseFormat<const Name extends SqlEngineName>(name: Name): FileFormat<Name> {
  const isSqlite = name === 'sqlite';
  return defineFormat({
    name,
    endings: isSqlite ? ['.sqlite', '.sqlite3', '.db'] : ['.duckdb', '.ddb'],
    magic: isSqlite ? { offset: 0, bytes: 'SQLite format 3\x00' } : { offset: 8, bytes: 'DUCK' },
    unit: 'file',
    takes: ['columns', 'where', 'table', 'query'],
    dataset: isSqlite ? 'SqlDataset' : 'DuckDbDataset',
    load: async () => {
      const { SqlDataset } = await import('./sql/sql-dataset.js');
      return {
        open: (file: string, options: FormatOptions) => SqlDataset.open(file, name, options),
        fromRecipe: SqlDataset.fromRecipe,
      };
    },
    columnsOf: ({ columns }) => columns,
  });
}

/** The formats that Millrace ships. The code of a format is imported when a dataset of it is opened. */
const builtIn = [
  defineFormat({
    name: 'jsonl',
    endings: ['.jsonl', '.ndjson'],
    takes: ['columns', 'where', 'constants'],
    pictures: 'none',
    dataset: 'JsonlDataset',
    load: async () => (await import('./text/jsonl-dataset.js')).JsonlDataset,
    otherClasses: { JsonlStream: async () => (await import('./text/jsonl-stream.js')).JsonlStream },
  }),
  defineFormat({
    name: 'csv',
    endings: ['.csv', '.tsv'],
    takes: [
      'columns',
      'where',
      'constants',
      'delimiter',
      'header',
      'types',
      'inferRows',
      'missing',
      'decimal',
    ],
    pictures: 'none',
    dataset: 'CsvDataset',
    load: async () => (await import('./csv/csv-dataset.js')).CsvDataset,
    columnsOf: ({ columns }) => columns,
  }),
  defineFormat({
    name: 'json',
    endings: ['.json'],
    takes: ['columns', 'where', 'constants', 'field'],
    pictures: 'none',
    dataset: 'JsonDataset',
    load: async () => (await import('./text/json-dataset.js')).JsonDataset,
  }),
  defineFormat({
    name: 'text',
    endings: ['.txt', '.text', '.md'],
    pictures: 'none',
    dataset: 'TextDataset',
    load: async () => (await import('./text/text-dataset.js')).TextDataset,
  }),
  defineFormat({
    name: 'parquet',
    endings: ['.parquet', '.pq'],
    magic: { offset: 0, bytes: 'PAR1' },
    takes: ['columns', 'where', 'constants'],
    dataset: 'ParquetDataset',
    load: async () => (await import('./parquet/parquet-dataset.js')).ParquetDataset,
    columnsOf: ({ columns }) => columns,
    otherClasses: { ParquetStream: async () => (await import('./parquet/parquet-stream.js')).ParquetStream },
  }),
  defineFormat({
    name: 'arrow',
    endings: ['.arrow', '.arrows', '.feather', '.ipc'],
    magic: { offset: 0, bytes: 'ARROW1' },
    takes: ['columns', 'where', 'constants'],
    dataset: 'ArrowDataset',
    load: async () => (await import('./arrow/arrow-dataset.js')).ArrowDataset,
    columnsOf: ({ columns }) => columns,
  }),
  defineFormat({
    name: 'delta',
    endings: [],
    unit: 'folder',
    takes: ['columns', 'where', 'version'],
    dataset: 'DeltaTable',
    load: async () => {
      const { openDeltaTable } = await import('./delta/delta-table.js');
      const { ParquetDataset } = await import('./parquet/parquet-dataset.js');
      return { open: openDeltaTable, fromRecipe: ParquetDataset.fromRecipe };
    },
    columnsOf: ({ columns }) => columns,
  }),
  defineFormat({
    name: 'iceberg',
    endings: [],
    unit: 'folder',
    takes: ['columns', 'where', 'version'],
    dataset: 'IcebergTable',
    load: async () => {
      const { openIcebergTable } = await import('./iceberg/iceberg-table.js');
      const { ParquetDataset } = await import('./parquet/parquet-dataset.js');
      return { open: openIcebergTable, fromRecipe: ParquetDataset.fromRecipe };
    },
    columnsOf: ({ columns }) => columns,
  }),
  defineFormat({
    name: 'lance',
    endings: [],
    unit: 'folder',
    takes: ['columns', 'where', 'version'],
    dataset: 'LanceDataset',
    load: async () => (await import('./lance/lance-dataset.js')).LanceDataset,
    columnsOf: ({ columns }) => columns,
  }),
  databaseFormat('sqlite'),
  databaseFormat('duckdb'),
  defineFormat({
    name: 'webdataset',
    endings: ['.tar'],
    magic: { offset: 257, bytes: 'ustar' },
    takes: ['columns'],
    pictures: 'own',
    dataset: 'WebDataset',
    load: async () => (await import('./web/web-dataset.js')).WebDataset,
    otherClasses: {
      WebDatasetStream: async () => (await import('./web/web-dataset-stream.js')).WebDatasetStream,
    },
  }),
  defineFormat({
    name: 'mds',
    endings: [],
    unit: 'folder',
    takes: ['columns'],
    dataset: 'MdsDataset',
    load: async () => (await import('./mds/mds-dataset.js')).MdsDataset,
    columnsOf: ({ columns }) => columns.map(({ name, encoding }) => ({ name, type: encoding })),
  }),
  defineFormat({
    name: 'indexed',
    endings: ['.bin', '.idx'],
    magic: { offset: 0, bytes: 'MMIDIDX' },
    unit: 'file',
    takes: ['dtypeTable'],
    pictures: 'none',
    dataset: 'IndexedDataset',
    load: async () => {
      const { IndexedDataset } = await import('./indexed/indexed-dataset.js');
      return {
        async open(name: string, { dtypeTable, ...storage }: FormatOptions) {
          const options = dtypeTable ? { dtypeTable } : {};
          if (!isRemote(name)) return IndexedDataset.open(name, options);
          const { RemoteIndexedDataset } = await import('./indexed/remote-indexed-dataset.js');
          return RemoteIndexedDataset.open(name, { ...storage, ...options });
        },
        fromRecipe: IndexedDataset.fromRecipe,
      };
    },
    columnsOf: ({ dtype }) => [{ name: 'tokens', type: dtype }],
    otherClasses: {
      RemoteIndexedDataset: async () =>
        (await import('./indexed/remote-indexed-dataset.js')).RemoteIndexedDataset,
    },
  }),
  defineFormat({
    name: 'images',
    endings: [],
    unit: 'folder',
    pictures: 'own',
    dataset: 'ImageFolder',
    load: async () => (await import('./images/image-folder.js')).ImageFolder,
    otherClasses: {
      SegmentationFolder: async () => (await import('./images/segmentation-folder.js')).SegmentationFolder,
    },
  }),
  defineFormat({
    name: 'npy',
    endings: ['.npy'],
    magic: { offset: 0, bytes: '\x93NUMPY' },
    unit: 'file',
    pictures: 'none',
    dataset: 'NpyDataset',
    load: async () => (await import('./arrays/npy-dataset.js')).NpyDataset,
    columnsOf: ({ storedDType, sampleShape }) => [
      { name: 'array', type: typeText(storedDType, sampleShape) },
    ],
  }),
  defineFormat({
    name: 'npz',
    endings: ['.npz'],
    magic: { offset: 0, bytes: 'PK\x03\x04' },
    unit: 'file',
    takes: ['columns'],
    pictures: 'none',
    dataset: 'NpzDataset',
    load: async () => (await import('./arrays/npz-dataset.js')).NpzDataset,
    columnsOf: ({ columns }) =>
      columns.map(({ name, dtype, shape }) => ({ name, type: typeText(dtype, shape) })),
  }),
  defineFormat({
    name: 'safetensors',
    endings: ['.safetensors'],
    unit: 'file',
    takes: ['columns'],
    pictures: 'none',
    dataset: 'SafetensorsDataset',
    load: async () => (await import('./arrays/safetensors-dataset.js')).SafetensorsDataset,
    columnsOf: ({ columns }) =>
      columns.map(({ name, dtype, shape }) => ({ name, type: typeText(dtype, shape) })),
  }),
] as const;

function typeText(dtype: string, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`;
}

/** Name of a format that Millrace ships. */
export type BuiltInFormatName = (typeof builtIn)[number]['name'];

/** Name of a format: one that Millrace ships, or one added by {@link registerFormat}. */
export type FormatName = BuiltInFormatName | (string & {});

/** Names of the formats that Millrace ships. */
export const formatNames: readonly BuiltInFormatName[] = builtIn.map(({ name }) => name);

const registered = new Map<string, FileFormat>(builtIn.map((format) => [format.name, format]));

/**
 * Adds a format to those that `openDataset` opens and detects, in this thread. Registering the same format again has no effect.
 *
 * @throws {@link ConfigError} if another format has the name or one of the endings.
 */
export function registerFormat(format: FileFormat): void {
  if (registered.get(format.name) === format) return;
  const problem = registered.has(format.name)
    ? { field: 'name', message: `the format ${format.name} exists already` }
    : takenEnding(format);
  if (problem) throw new ConfigError('registerFormat', [problem]);
  registered.set(format.name, format);
}

function takenEnding({ endings }: FileFormat): { field: string; message: string } | undefined {
  for (const ending of endings) {
    const other = formatOfEnding(ending);
    if (other) return { field: 'endings', message: `${ending} belongs to the format ${other.name}` };
  }
  return undefined;
}

/** Names of all formats, those added by {@link registerFormat} included. */
export function knownFormats(): string[] {
  return [...registered.keys()];
}

/** The format of a name, if there is one. */
export function formatNamed(name: FormatName): FileFormat | undefined {
  return registered.get(name);
}

/** The format that the ending of a file name stands for. The name may end in that of a compression as well: `rows.jsonl.gz`. */
export function formatOfEnding(name: string): FileFormat | undefined {
  const ending = /\.[a-z0-9]+$/.exec(contentName(name))?.[0];
  return ending === undefined ? undefined : find(({ endings }) => endings.includes(ending));
}

/** The format that the first bytes of a file stand for. @param head - One character per byte. */
export function formatOfContent(head: string): FileFormat | undefined {
  return find(({ magic }) => magic !== undefined && head.startsWith(magic.bytes, magic.offset));
}

function find(matches: (format: FileFormat) => boolean): FileFormat | undefined {
  for (const format of registered.values()) if (matches(format)) return format;
  return undefined;
}

/** Imports the dataset class that a recipe names; `undefined` if no format has it. */
export function classOfRecipe(name: string): Promise<FromRecipe<unknown>> | undefined {
  for (const { classes } of registered.values()) {
    const load = ownValue(classes, name);
    if (load) return load();
  }
  return undefined;
}
