import * as v from 'valibot';
import { ConfigError, FormatError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { parseOptions } from '../../core/options.js';
import type { Movable } from '../../core/recipe.js';
import { ownValue } from '../../core/record.js';
import { warn } from '../../core/warn.js';
import { openSource } from '../../storage/open-source.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { isNote, some } from '../find/choose-files.js';
import { type PictureOptions, type PictureSettings, pictureOptions } from '../images/picture-settings.js';
import { type DataRepository, openDataRepository } from './data-repository.js';
import { type CardConfig, chooseConfig, type DataSetCard, readCard } from './data-set-card.js';
import type { HubFeatures } from './features.js';
import {
  type FileKind,
  isMedia,
  isMetadata,
  isReadable,
  kindOf,
  kindOfMost,
  type MediaKind,
  type TableKind,
} from './file-kinds.js';
import { HubDataset, type HubSettings, type StoredRows } from './hub-dataset.js';
import { openMediaSplits } from './media-splits.js';
import { parseSplit } from './split-expression.js';
import { type SplitFiles, splitFiles } from './split-rules.js';
import { type OpenedRows, openTableRows } from './table-splits.js';
import { zipMembers } from './zip-archive.js';

export interface LoadDatasetOptions extends StorageOptions, PictureOptions {
  /** The configuration. @defaultValue the only one, or the default of the card */
  readonly config?: string;
  /**
   * The rows: `train`, `train[:90%]`, `test[100:200]`, several joined by `+`, or `all`. @defaultValue every split, as an object
   */
  readonly split?: string;
  /** Branch, tag or commit of a repository. @defaultValue the main branch, as it is now */
  readonly revision?: string;
}

const schema = v.looseObject({
  config: v.optional(v.string()),
  split: v.optional(v.string()),
  revision: v.optional(v.string()),
});

/** What the steps of opening share. */
interface Opening {
  readonly repository: DataRepository;
  readonly card: DataSetCard;
  readonly config: CardConfig;
  readonly storage: StorageOptions;
  readonly pictures: PictureSettings | undefined;
}

/**
 * Opens a data set of the Hugging Face Hub, or a local folder that is laid out as one. Configurations, splits and types are found as
 * `datasets` 5.0 finds them: from the card (`README.md`), else from the names of folders and files. The revision is resolved to a
 * commit, which is part of the fingerprint.
 *
 * ```ts
 * const train = await loadDataset('stanfordnlp/imdb', { split: 'train[:90%]' });
 * const { test } = await loadDataset('data/reviews');
 * ```
 *
 * @param source - `user/name`, `hf://datasets/user/name@revision`, or the path of a folder, which comes first.
 * @returns with `split`, its rows; otherwise an object from the name of each split to its rows.
 * @throws {@link ConfigError} for a configuration or split that is not there, and for files that would be left out or mixed
 *   silently; {@link StorageError} if there is no such data set or access is denied; {@link FormatError} if a file is damaged, or has
 *   other rows than its card says.
 */
export function loadDataset<T = Readonly<Record<string, unknown>>>(
  source: string,
  options: LoadDatasetOptions & { readonly split: string },
): Promise<HubDataset<T>>;
export function loadDataset<T = Readonly<Record<string, unknown>>>(
  source: string,
  options?: LoadDatasetOptions & { readonly split?: undefined },
): Promise<Readonly<Record<string, HubDataset<T>>>>;
export function loadDataset<T = Readonly<Record<string, unknown>>>(
  source: string,
  options?: LoadDatasetOptions,
): Promise<HubDataset<T> | Readonly<Record<string, HubDataset<T>>>>;
export async function loadDataset<T>(
  source: string,
  options: LoadDatasetOptions = {},
): Promise<HubDataset<T> | Readonly<Record<string, HubDataset<T>>>> {
  const { pictures, rest } = pictureOptions('loadDataset options', options);
  const {
    config: askedConfig,
    split,
    revision,
    ...storage
  } = parseOptions('loadDataset options', schema, rest);
  storageOptions(storage);
  const repository = await openDataRepository(source, revision, storage);
  const card = await readCard(repository, storage);
  const config = chooseConfig(card, askedConfig, repository.name);
  const opening = { repository, card, config, storage, pictures };
  const files = splitFiles(repository.files, config, repository.name);
  const wanted = split === undefined ? undefined : parseSplit(split, [...files.keys()]);
  const kind = await kindOfSplits(files, opening);
  const kept = withoutOthers(files, kind, opening);
  const opened = isMedia(kind)
    ? await openMedia(kind, kept, opening)
    : await openTables(kind, kept, wanted?.splits ?? [...files.keys()], opening);
  try {
    checkLengths(opened.rows, opening);
    return wanted ? rowsOfSplit<T>(opened, wanted) : allSplits<T>(opened, repository.name);
  } catch (error) {
    for (const rows of opened.rows.values()) await rows.close();
    throw error;
  }
}

/** Every split as a dataset. @throws {@link ConfigError} if one has no rows, as in `datasets` */
function allSplits<T>({ rows, settings }: Opened, owner: string): Readonly<Record<string, HubDataset<T>>> {
  const empty = Array.from(rows).flatMap(([split, own]) => (own.length === 0 ? [split] : []));
  if (empty.length > 0) throw noRows(owner, empty);
  return Object.fromEntries(
    Array.from(rows, ([split, own]) => [
      split,
      new HubDataset<T>([{ rows: own, split, start: 0, end: own.length }], settings),
    ]),
  );
}

/** The rows that `split` names. Other splits that were opened are closed. */
function rowsOfSplit<T>({ rows, settings }: Opened, wanted: ReturnType<typeof parseSplit>): HubDataset<T> {
  const lengths = new Map(Array.from(rows, ([split, own]) => [split, own.length]));
  const parts = wanted
    .slices(lengths)
    .map(({ split, start, end }) => ({ rows: knownValue(rows, split), split, start, end }));
  for (const [split, own] of rows) if (!wanted.splits.includes(split)) void own.close();
  return new HubDataset<T>(parts, settings);
}

function noRows(owner: string, splits: readonly string[]): ConfigError {
  return new ConfigError(
    'Data files',
    [{ field: 'source', message: `${owner}: these splits have no rows: ${splits.join(', ')}` }],
    { next: 'Name another split: { split }.' },
  );
}

/** The kind of the files of all splits. @throws {@link ConfigError} if splits differ, or Millrace does not read the kind */
async function kindOfSplits(files: SplitFiles, opening: Opening): Promise<FileKind> {
  const kinds = new Map<string, string>();
  for (const [split, paths] of files) {
    const data = paths.filter((path) => !isNote(path));
    let kind = kindOfMost(data.length > 0 ? data : paths);
    if (kind === 'zip') kind = kindOfMost(await firstMembers(paths, opening));
    kinds.set(split, kind ?? 'no data');
  }
  const [first] = kinds.values();
  const isOne = [...kinds.values()].every((kind) => kind === first);
  if (isOne && first !== undefined && isReadable(first)) return first;
  const { name } = opening.repository;
  const message = isOne
    ? `${name} holds ${first} files, which Millrace does not read`
    : `the splits of ${name} have several formats: ${Array.from(kinds, ([split, kind]) => `${split} (${kind})`).join(', ')}`;
  throw new ConfigError('Data files', [{ field: 'source', message }]);
}

/** Names in the first archives of a split. */
async function firstMembers(paths: readonly string[], { repository, storage }: Opening): Promise<string[]> {
  const names: string[] = [];
  for (const path of paths.filter((each) => kindOf(each) === 'zip').slice(0, 10)) {
    const archive = await openSource(repository.locationOf(path), storage, repository.versionOf(path));
    try {
      for (const member of await zipMembers(archive)) names.push(member.path);
    } finally {
      archive.close();
    }
  }
  return names;
}

/**
 * The files of one kind. Notes, and files beside images and the like, are left out with a warning.
 *
 * @throws {@link ConfigError} for tables of another kind
 */
function withoutOthers(files: SplitFiles, kind: FileKind, { repository }: Opening): SplitFiles {
  const isOwn = (path: string): boolean =>
    kindOf(path) === kind || kindOf(path) === 'zip' || (isMedia(kind) && isMetadata(path));
  const left = [...new Set([...files.values()].flat())].filter((path) => !isOwn(path) && !isNote(path));
  const isTable = (path: string): boolean => !isMedia(kindOf(path) ?? '');
  const tables = isMedia(kind) ? [] : left.filter(isTable);
  if (tables.length > 0)
    throw new ConfigError(
      'Data files',
      [
        {
          field: 'source',
          message: `${repository.name} holds ${kind} files, and others that would be left out: ${some(tables)}`,
        },
      ],
      {
        next: 'Name the files of one format in the card (configs in README.md), or read them with openDataset(pattern).',
      },
    );
  if (left.length > 0)
    warn({
      code: 'MILLRACE_FILES_LEFT_OUT',
      message: `Of ${repository.name} the ${kind} files are read. Left out: ${some(left)}.`,
    });
  return new Map(Array.from(files, ([split, paths]) => [split, paths.filter(isOwn)]));
}

interface Opened {
  readonly rows: ReadonlyMap<string, StoredRows & Movable>;
  readonly settings: HubSettings;
}

function settingsOf(
  { repository, config, pictures }: Opening,
  features: HubFeatures,
  how: { readonly isStored: boolean; readonly isInferred: boolean },
): HubSettings {
  const { name, commit } = repository;
  const origin = commit === undefined ? undefined : { repository: name, commit, config: config.name };
  if (pictures) checkPicture(features, name);
  return { features, ...how, origin, pictures };
}

/** @throws {@link ConfigError} unless one column is a picture */
function checkPicture(features: HubFeatures, owner: string): void {
  const found = Object.keys(features).filter((name) => ownValue(features, name)?.kind === 'image');
  if (found.length === 1) return;
  const message =
    found.length === 0
      ? `${owner} has no column of pictures, but ${Object.keys(features).join(', ')}`
      : `${owner} has several columns of pictures, which would move apart: ${found.join(', ')}`;
  throw new ConfigError('loadDataset options', [{ field: 'transforms', message }], {
    next: 'Leave transforms out, and make the images in a transform of the loader with ImagePipeline.apply.',
  });
}

async function openMedia(kind: MediaKind, files: SplitFiles, opening: Opening): Promise<Opened> {
  const { features, splits } = await openMediaSplits(kind, files, opening);
  const declared = declaredFeatures(opening);
  const settings = settingsOf(opening, declared ?? features, {
    isStored: false,
    isInferred: declared === undefined,
  });
  return { rows: splits, settings };
}

function declaredFeatures({ card, config }: Opening): HubFeatures | undefined {
  return card.infos.get(config.name)?.features ?? config.features;
}

async function openTables(
  kind: TableKind,
  files: SplitFiles,
  wanted: readonly string[],
  opening: Opening,
): Promise<Opened> {
  const rows = new Map<string, StoredRows & Movable>();
  try {
    const declared = declaredFeatures(opening);
    let types = declared && { features: declared, isStored: false, isInferred: false };
    for (const [split, paths] of files) {
      // Without a declaration, the files of the first split have the types of all.
      if (!wanted.includes(split)) {
        types ??= await typesOfFirstFile(kind, paths, opening);
        continue;
      }
      const opened = await openTableRows(kind, paths, opening);
      rows.set(split, opened.rows);
      types ??= await typesOf(opened);
      checkColumns(types.features, opened.columns, split, opening);
    }
    if (!types) throw noRows(opening.repository.name, wanted);
    const { features, ...how } = types;
    return { rows, settings: settingsOf(opening, features, how) };
  } catch (error) {
    for (const opened of rows.values()) await opened.close();
    throw error;
  }
}

async function typesOf({ features, isStored }: OpenedRows) {
  return { features: await features(), isStored, isInferred: true };
}

async function typesOfFirstFile(kind: TableKind, paths: readonly string[], opening: Opening) {
  const opened = await openTableRows(kind, paths.slice(0, 1), opening);
  try {
    return await typesOf(opened);
  } finally {
    await opened.rows.close();
  }
}

/** @throws {@link FormatError} if a split has other columns than the features, or than the first split */
function checkColumns(
  features: HubFeatures,
  columns: readonly string[] | undefined,
  split: string,
  { repository }: Opening,
): void {
  if (!columns) return;
  const wanted = Object.keys(features);
  const isSame = columns.length === wanted.length && columns.every((name) => Object.hasOwn(features, name));
  if (isSame) return;
  throw new FormatError(`The split ${split} has other columns than the data set`, {
    where: { files: repository.name, columns: columns.join(' '), wanted: wanted.join(' ') },
    next: 'Give it a configuration of its own in the card, or correct the features there.',
  });
}

/** @throws {@link FormatError} if a split has more or fewer rows than the card says */
function checkLengths(rows: ReadonlyMap<string, StoredRows>, { card, config, repository }: Opening): void {
  for (const [split, length] of card.infos.get(config.name)?.lengths ?? []) {
    const found = rows.get(split)?.length;
    if (found === undefined || found === length) continue;
    throw new FormatError(`The split ${split} has ${found} rows, and its card says ${length}`, {
      where: { files: repository.name, split, rows: found, said: length },
      next: 'Correct num_examples in the card (dataset_info in README.md), or look for files that are missing.',
    });
  }
}
