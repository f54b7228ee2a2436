import { ConfigError, FormatError } from '../../core/errors.js';
import { andThen } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { MemorySource } from '../../storage/memory-source.js';
import { openSource } from '../../storage/open-source.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { ArrowDataset } from '../arrow/arrow-dataset.js';
import { allOpened, openDataFile } from '../data-files.js';
import { some } from '../find/choose-files.js';
import { isImage } from '../images/image-names.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import { WebDataset } from '../web/web-dataset.js';
import type { DataRepository } from './data-repository.js';
import type { CardConfig } from './data-set-card.js';
import type { HubFeature, HubFeatures } from './features.js';
import { kindOf, type TableKind } from './file-kinds.js';
import type { StoredRows } from './hub-dataset.js';
import { HubRecords, type RawRow } from './hub-records.js';
import { featuresOfCells, featuresOfJson } from './infer-features.js';
import { featuresOfTable } from './table-features.js';
import { readZipMember, zipMembers } from './zip-archive.js';

/** Rows of a split and the types that their files give. */
export interface OpenedRows {
  readonly rows: StoredRows & Movable;
  /** Columns that each row has; `undefined` if rows may lack some. */
  readonly columns: readonly string[] | undefined;
  /** The types of the columns, as the files declare them or as their first rows imply them. */
  features(): Promise<HubFeatures> | HubFeatures;
  /** Whether the files store values of these types. */
  readonly isStored: boolean;
}

/** Rows from which types are inferred: those that `datasets` reads first. */
const firstCsvRows = 10_000;
const firstJsonBytes = 10 * 2 ** 20;
const firstSamples = 5;

/** Opens the files of a split as rows. @throws as the formats do; {@link ConfigError} for a parameter that is not supported */
export async function openTableRows(
  kind: TableKind,
  files: readonly string[],
  {
    repository,
    config,
    storage,
  }: { repository: DataRepository; config: CardConfig; storage: StorageOptions },
): Promise<OpenedRows> {
  const opened = await allOpened(files.map((file) => openFiles(kind, file, repository, storage)));
  const sources = opened.flatMap(({ sources: own }) => own);
  try {
    return await openKind(kind, sources, config, storage);
  } catch (error) {
    for (const source of sources) source.close();
    throw error;
  }
}

interface OpenFiles {
  readonly sources: readonly ByteSource[];
  close(): void;
}

function openFilesOf(sources: readonly ByteSource[]): OpenFiles {
  return {
    sources,
    close: () => {
      for (const source of sources) source.close();
    },
  };
}

/** A file, or the files of an archive. */
async function openFiles(
  kind: TableKind,
  file: string,
  repository: DataRepository,
  storage: StorageOptions,
): Promise<OpenFiles> {
  const location = repository.locationOf(file);
  if (kindOf(file) !== 'zip')
    return openFilesOf([await openDataFile(location, storage, repository.versionOf(file))]);
  const archive = await openSource(location, storage, repository.versionOf(file));
  try {
    const members = await zipMembers(archive);
    const others = members.filter(({ path }) => kindOf(path) !== kind && kindOf(path) !== undefined);
    if (others.length > 0)
      throw new ConfigError('Data files', [
        {
          field: 'source',
          message: `${location} holds ${kind} files and others: ${some(others.map(({ path }) => path))}`,
        },
      ]);
    let left = storageOptions(storage).maxDecompressedBytes;
    const sources: ByteSource[] = [];
    for (const member of members) {
      if (kindOf(member.path) !== kind) continue;
      const bytes = await readZipMember(archive, member, left);
      left -= bytes.length;
      sources.push(await openDataFile(new MemorySource(bytes, `${archive.name}/${member.path}`), storage));
    }
    return openFilesOf(sources);
  } finally {
    archive.close();
  }
}

async function openKind(
  kind: TableKind,
  sources: readonly ByteSource[],
  config: CardConfig,
  storage: StorageOptions,
): Promise<OpenedRows> {
  checkParameters(kind, config);
  switch (kind) {
    case 'csv':
      return openCsv(sources, config, storage);
    case 'json': {
      const rows = await HubRecords.openJson(sources, storage);
      const features = async () => featuresOfJson(await head(rows, rows.rowsWithin(firstJsonBytes)));
      return { rows, columns: undefined, isStored: false, features };
    }
    case 'text': {
      const rows = await HubRecords.openText(sources, storage);
      return {
        rows,
        columns: ['text'],
        isStored: true,
        features: () => ({ text: { kind: 'value', dtype: 'string' } }),
      };
    }
    case 'parquet': {
      const rows = await ParquetDataset.open(sources, storage);
      const columns = rows.firstFile.columnNames;
      return { rows, columns, isStored: true, features: () => featuresOfTable(rows.firstFile) };
    }
    case 'arrow': {
      const rows = await ArrowDataset.open(sources, storage);
      const columns = rows.firstFile.fields.map((field) => field.name);
      return { rows, columns, isStored: true, features: () => featuresOfTable(rows.firstFile) };
    }
    default: {
      const samples = await WebDataset.open(sources, storage);
      const rows = new SampleRows(
        samples,
        sources.map((source) => source.name),
      );
      return {
        rows,
        columns: undefined,
        isStored: true,
        features: async () => featuresOfSamples(await head(rows, firstSamples)),
      };
    }
  }
}

async function openCsv(
  sources: readonly ByteSource[],
  { parameters }: CardConfig,
  storage: StorageOptions,
): Promise<OpenedRows> {
  const isTabbed = sources.every((source) => /\.tsv(\.|$)/.test(source.name));
  const delimiter = String(parameters.get('sep') ?? parameters.get('delimiter') ?? (isTabbed ? '\t' : ','));
  const given = parameters.get('names') ?? parameters.get('column_names');
  const names = Array.isArray(given) ? given.map(String) : undefined;
  const rows = await HubRecords.openCsv(sources, { delimiter, names }, storage);
  return {
    rows,
    columns: rows.fields,
    isStored: false,
    features: async () => featuresOfCells(await head(rows, firstCsvRows), rows.fields ?? []),
  };
}

/** @throws {@link ConfigError} for parameters that would change the rows, and have no effect here */
function checkParameters(kind: TableKind, { name, parameters }: CardConfig): void {
  const allowed = kind === 'csv' ? ['sep', 'delimiter', 'names', 'column_names'] : [];
  const unknown = [...parameters.keys()].filter(
    (key) => !allowed.includes(key) && readingParameters.has(key),
  );
  if (unknown.length === 0) return;
  const message = `the configuration ${name} has parameters that are not supported: ${unknown.join(', ')}`;
  throw new ConfigError('Data files', [{ field: 'config', message }]);
}

/** Parameters of the readers of `datasets` that change what a row is. Others, such as `version`, do not matter here. */
const readingParameters = new Set(
  (
    'sep delimiter names column_names header index_col usecols engine converters true_values false_values skiprows nrows na_values ' +
    'keep_default_na na_filter thousands decimal quotechar quoting escapechar comment encoding encoding_errors dialect skipfooter ' +
    'doublequote skipinitialspace lineterminator parse_dates field columns filters sample_by keep_linebreaks'
  ).split(' '),
);

async function head(rows: StoredRows, count: number): Promise<RawRow[]> {
  const found: RawRow[] = [];
  for (let index = 0; index < Math.min(count, rows.length); index++) found.push(await rows.get(index));
  return found;
}

const audioEnding = /(^|\.)(aiff|au|flac|mp3|ogg|opus|wav)$/;

/** @throws {@link FormatError} if the first samples have different members: they are no samples then */
function featuresOfSamples(samples: readonly RawRow[]): HubFeatures {
  const names = Object.keys(samples[0] ?? {});
  const other = samples.find(
    (sample) => Object.keys(sample).sort().join('\n') !== [...names].sort().join('\n'),
  );
  if (other)
    throw new FormatError('The first samples of a tar archive have files of different endings', {
      where: { file: String(other.__url__), sample: String(other.__key__) },
      next: 'Write it as a WebDataset: the files of a sample have one name and the same endings in all samples.',
    });
  return Object.fromEntries(names.map((name) => [name, featureOfMember(name)]));
}

function featureOfMember(name: string): HubFeature {
  if (name === '__key__' || name === '__url__') return { kind: 'value', dtype: 'string' };
  if (isImage(`x.${name}`)) return { kind: 'image', decode: true };
  return audioEnding.test(name) ? { kind: 'file', type: 'audio' } : { kind: 'any' };
}

/** Samples of tar shards with the column `__url__`, which names the shard. */
export class SampleRows implements StoredRows, Movable {
  readonly #samples: WebDataset;
  readonly #urls: readonly string[];

  constructor(samples: WebDataset, urls: readonly string[]) {
    this.#samples = samples;
    this.#urls = urls;
  }

  get length(): number {
    return this.#samples.length;
  }

  get shardLengths(): readonly number[] {
    return this.#samples.shardLengths;
  }

  get(index: number) {
    return andThen(this.#samples.get(index), ({ __key__, ...members }): RawRow => {
      let end = 0;
      const shard = this.shardLengths.findIndex((length) => {
        end += length;
        return index < end;
      });
      return { __key__, __url__: this.#urls[shard], ...members };
    });
  }

  prefetch(indices: ArrayLike<number> & Iterable<number>): number | undefined {
    return this.#samples.prefetch(indices);
  }

  fingerprint(): string {
    return this.#samples.fingerprint();
  }

  [toRecipe](): Recipe {
    return { builtIn: 'SampleRows', args: { samples: recipeOf(this.#samples, 'samples'), urls: this.#urls } };
  }

  static async fromRecipe(
    { samples, urls }: { readonly samples: Recipe; readonly urls: readonly string[] },
    make: MakeFromRecipe,
  ): Promise<SampleRows> {
    return new SampleRows(await make<WebDataset>(samples), urls);
  }

  close(): void {
    this.#samples.close();
  }
}
