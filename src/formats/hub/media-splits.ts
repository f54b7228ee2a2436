import { ConfigError, FormatError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { setOwn } from '../../core/record.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { MemorySource } from '../../storage/memory-source.js';
import { openSource } from '../../storage/open-source.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { some } from '../find/choose-files.js';
import { ParquetDataset } from '../parquet/parquet-dataset.js';
import type { DataRepository } from './data-repository.js';
import type { CardConfig } from './data-set-card.js';
import type { HubFeature, HubFeatures } from './features.js';
import { baseName, isMetadata, kindOf, type MediaKind } from './file-kinds.js';
import { HubRecords, type RawRow } from './hub-records.js';
import { featuresOfCells, featuresOfJson } from './infer-features.js';
import { type MediaFile, type MediaRow, MediaRows } from './media-rows.js';
import type { SplitFiles } from './split-rules.js';
import { readZipMember, zipMembers } from './zip-archive.js';

/** A file that is a sample, and what its path says about it. */
interface FoundFile {
  /** Relative to the data set, or to the archive after `archive.zip/`. */
  readonly path: string;
  readonly file: MediaFile;
}

/** The files of a split. */
interface FoundSplit {
  readonly files: FoundFile[];
  /** Tables that describe files: `metadata.csv`. */
  readonly tables: { readonly path: string; read(): Promise<ByteSource> }[];
  readonly archives: ByteSource[];
}

/**
 * The splits of a data set whose files are a sample each, as the `imagefolder` of Hugging Face `datasets` reads them. Columns: the
 * file; `label`, if the files are in class folders of the same depth; with a table `metadata.csv`, `.jsonl` or `.parquet`, its rows
 * instead, whose `file_name` names the file.
 *
 * @throws {@link ConfigError} for files that a table leaves out; {@link FormatError} for a name in it that is not there.
 */
export async function openMediaSplits(
  kind: MediaKind,
  splits: SplitFiles,
  {
    repository,
    config,
    storage,
  }: { repository: DataRepository; config: CardConfig; storage: StorageOptions },
): Promise<{ readonly features: HubFeatures; readonly splits: ReadonlyMap<string, MediaRows> }> {
  const found = new Map<string, FoundSplit>();
  try {
    for (const [split, files] of splits) found.set(split, await findFiles(kind, files, repository, storage));
    const content: HubFeature = kind === 'image' ? { kind, decode: true } : { kind: 'file', type: kind };
    const usesTables =
      config.parameters.get('drop_metadata') !== true &&
      [...found.values()].some(({ tables }) => tables.length > 0);
    const made = usesTables
      ? await rowsOfTables(found, kind, content, repository, storage)
      : rowsOfFolders(found, kind, content, config.parameters.get('drop_labels'));
    const media = Object.entries(made.features).flatMap(([name, feature]) =>
      holdsMedia(feature) ? [name] : [],
    );
    const root = repository.locationOf('x').slice(0, -1);
    return {
      features: made.features,
      splits: new Map(
        Array.from(made.rows, ([split, rows]) => {
          const { archives } = knownValue(found, split);
          return [split, new MediaRows(rows, { media, archives, root, storage })] as const;
        }),
      ),
    };
  } catch (error) {
    for (const { archives } of found.values()) for (const archive of archives) archive.close();
    throw error;
  }
}

function holdsMedia(feature: HubFeature): boolean {
  return (
    feature.kind === 'image' || feature.kind === 'file' || (feature.kind === 'list' && holdsMedia(feature.of))
  );
}

async function findFiles(
  kind: MediaKind,
  paths: readonly string[],
  repository: DataRepository,
  storage: StorageOptions,
): Promise<FoundSplit> {
  const found: FoundSplit = { files: [], tables: [], archives: [] };
  // Files of archives come after all others.
  for (const path of paths) {
    if (isMetadata(path))
      found.tables.push({
        path,
        read: () => openSource(repository.locationOf(path), storage, repository.versionOf(path)),
      });
    else if (kindOf(path) === kind) found.files.push({ path, file: fileOf(path, repository) });
  }
  for (const path of paths) {
    if (kindOf(path) !== 'zip') continue;
    const source = await openSource(repository.locationOf(path), storage, repository.versionOf(path));
    const archive = found.archives.push(source) - 1;
    for (const member of await zipMembers(source)) {
      const inside = `${path}/${member.path}`;
      const limit = storageOptions(storage).maxDecompressedBytes;
      if (isMetadata(member.path))
        found.tables.push({
          path: inside,
          read: async () => new MemorySource(await readZipMember(source, member, limit), inside),
        });
      else if (kindOf(member.path) === kind) found.files.push({ path: inside, file: { archive, member } });
    }
  }
  return found;
}

/** The path as it continues the root of the data set: a URL of the Hub is encoded. */
function fileOf(path: string, repository: DataRepository): string {
  return repository.commit === undefined ? path : path.replaceAll('%', '%25');
}

interface Listed {
  readonly features: HubFeatures;
  readonly rows: ReadonlyMap<string, readonly MediaRow[]>;
}

/** Names of folders that assign files to splits, which are no classes. */
const splitFolder =
  /(^|[-._ 0-9])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)($|[-._ 0-9])/;

function rowsOfFolders(
  found: ReadonlyMap<string, FoundSplit>,
  name: string,
  content: HubFeature,
  dropsLabels: unknown,
): Listed {
  const all = [...found.values()].flatMap(({ files }) => files);
  const classes = [...new Set(all.map(({ path }) => folderOf(path)))].sort();
  const depths = new Set(all.map(({ path }) => path.split('/').length));
  const areClasses =
    classes.length > 1 &&
    depths.size === 1 &&
    !classes.every((each) => splitFolder.test(each) || /\.zip$/i.test(each));
  const hasLabels = dropsLabels === false || (dropsLabels !== true && areClasses);
  const features: HubFeatures = hasLabels
    ? { [name]: content, label: { kind: 'classLabel', names: classes } }
    : { [name]: content };
  const rowOf = ({ path, file }: FoundFile): MediaRow =>
    hasLabels ? { [name]: { file }, label: classes.indexOf(folderOf(path)) } : { [name]: { file } };
  return {
    features,
    rows: new Map(Array.from(found, ([split, { files }]) => [split, files.map(rowOf)])),
  };
}

/** The name of the folder of a file. */
function folderOf(path: string): string {
  return path.split('/').at(-2) ?? '';
}

async function rowsOfTables(
  found: ReadonlyMap<string, FoundSplit>,
  name: string,
  content: HubFeature,
  repository: DataRepository,
  storage: StorageOptions,
): Promise<Listed> {
  const endings = new Set(
    [...found.values()].flatMap(({ tables }) =>
      tables.map(({ path }) => path.slice(path.lastIndexOf('.') + 1)),
    ),
  );
  if (endings.size > 1)
    throw refused(
      repository.name,
      `the tables of its files have several formats: ${[...endings].join(', ')}`,
    );
  let features: HubFeatures | undefined;
  const rows = new Map<string, readonly MediaRow[]>();
  for (const [split, { files, tables }] of found) {
    if (tables.length === 0)
      throw refused(
        repository.name,
        `the split ${split} has no table, and another has one: metadata.${[...endings][0]}`,
      );
    const known = new Map(files.map(({ path, file }) => [path, file]));
    const used = new Set<string>();
    const made: MediaRow[] = [];
    for (const { path: table, read } of tables) {
      const own = await readTable(table, await read(), storage);
      features ??= mediaFeatures(own.features, name, content, table);
      const folder = table.slice(0, table.length - baseName(table).length);
      const look = (written: unknown, row: number): { file: MediaFile } | null => {
        if (written === null || written === undefined) return null;
        const path = pathIn(folder, String(written));
        const file = path === undefined ? undefined : (known.get(path) ?? otherFile(path, repository));
        if (path !== undefined && file !== undefined) {
          used.add(path);
          return { file };
        }
        throw new FormatError(`A table names the file ${String(written)}, which is not there`, {
          where: { file: table, row },
          next: 'Names are relative to the folder of the table. Correct the row, or add the file.',
        });
      };
      made.push(...own.rows.map((row, k) => mediaRow(row, name, (written) => look(written, k))));
    }
    const unused = files.map(({ path }) => path).filter((path) => !used.has(path));
    if (unused.length > 0)
      throw refused(
        repository.name,
        `the table of the split ${split} does not name these files: ${some(unused)}`,
      );
    rows.set(split, made);
  }
  return { features: features ?? {}, rows };
}

/** A file of the data set that is not among those of the split. */
function otherFile(path: string, repository: DataRepository): string | undefined {
  return repository.files.includes(path) ? fileOf(path, repository) : undefined;
}

/** A name in a table, as a path; `undefined` if it leads out of the table's folder. */
function pathIn(folder: string, name: string): string | undefined {
  if (name.includes('://') || name.startsWith('/')) return undefined;
  const parts: string[] = [];
  for (const part of name.replaceAll('\\', '/').split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined;
    if (part !== '..' && part !== '.' && part !== '') parts.push(part);
  }
  return folder + parts.join('/');
}

async function readTable(
  path: string,
  source: ByteSource,
  storage: StorageOptions,
): Promise<{ readonly features: HubFeatures; readonly rows: readonly RawRow[] }> {
  if (path.endsWith('.parquet')) {
    const table = await ParquetDataset.open(source, storage);
    const rows = await allRows(table);
    return { features: Object.fromEntries(table.columns.map(({ name }) => [name, { kind: 'any' }])), rows };
  }
  const table = path.endsWith('.csv')
    ? await HubRecords.openCsv([source], { delimiter: ',', names: undefined }, storage)
    : await HubRecords.openJson([source], storage);
  const rows = await allRows(table);
  return { features: table.fields ? featuresOfCells(rows, table.fields) : featuresOfJson(rows), rows };
}

async function allRows(table: {
  readonly length: number;
  get(index: number): RawRow | Promise<RawRow>;
  close(): void;
}): Promise<RawRow[]> {
  try {
    const rows: RawRow[] = [];
    for (let index = 0; index < table.length; index++) rows.push(await table.get(index));
    return rows;
  } finally {
    table.close();
  }
}

/** The column of files that a column of names stands for: `file_name` for the usual one, `mask_file_name` for `mask`. */
function mediaColumn(
  name: string,
  usual: string,
): { readonly name: string; readonly isList: boolean } | undefined {
  const [, prefix, plural] = /^(?:(.+)_)?file_name(s?)$/.exec(name) ?? [];
  if (plural === undefined) return undefined;
  return { name: prefix ?? usual + plural, isList: plural === 's' };
}

function mediaFeatures(
  features: HubFeatures,
  usual: string,
  content: HubFeature,
  table: string,
): HubFeatures {
  let hasFiles = false;
  const made = Object.entries(features).map(([name, feature]): readonly [string, HubFeature] => {
    const column = mediaColumn(name, usual);
    if (!column) return [name, feature];
    hasFiles = true;
    return [column.name, column.isList ? { kind: 'list', of: content } : content];
  });
  if (hasFiles) return Object.fromEntries(made);
  throw new FormatError('The table has no column file_name, and none that ends in _file_name', {
    where: { file: table, columns: Object.keys(features).join(' ') },
    next: 'Name the files in a column file_name, relative to the folder of the table.',
  });
}

function mediaRow(
  row: RawRow,
  usual: string,
  look: (written: unknown) => { file: MediaFile } | null,
): MediaRow {
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    const column = mediaColumn(name, usual);
    if (!column) setOwn(made, name, value);
    else setOwn(made, column.name, column.isList && Array.isArray(value) ? value.map(look) : look(value));
  }
  return made;
}

function refused(owner: string, message: string): ConfigError {
  return new ConfigError('Data files', [{ field: 'source', message: `${owner}: ${message}` }], {
    next: 'Correct the tables, or move files that are not data out of the folder.',
  });
}
