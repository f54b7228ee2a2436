import { ConfigError, FormatError } from '../../core/errors.js';
import { localPath } from '../../storage/local-path.js';
import { locationPath } from '../../storage/location-path.js';
import { schemeOf } from '../../storage/url-scheme.js';
import { type FormatName, formatNamed, formatOfEnding, knownFormats } from '../format-table.js';
import { isImage } from '../images/image-names.js';
import { namesSplit, splitOf } from './split-of.js';

/** A file of a folder or pattern that is not read. */
export interface LeftOutFile {
  /** Relative to the folder. */
  readonly file: string;
  readonly why: string;
}

/** The files of a folder or pattern that are the data. */
export interface ChosenFiles {
  readonly format: FormatName;
  /** Paths or URLs, in listing order. For a `.bin`/`.idx` pair, its common name. */
  readonly files: readonly string[];
  readonly leftOut: readonly LeftOutFile[];
}

interface ListedFile {
  readonly path: string;
  /** Relative to the folder. */
  readonly name: string;
  readonly format: FormatName | undefined;
}

const noteName =
  // cspell:disable-next-line
  /(^|\/)(readme|licen[cs]e|copying|notice|changelog|changes|history|citation|authors|contributing|code_of_conduct|security)([-_.][^/]*)?$/i;

/**
 * Chooses the files of a folder or pattern that are the data: one rule for all formats, local and remote.
 *
 * 1. Hidden files are not listed. Names that begin with `_` are ignored, as in Spark and pyarrow.
 * 2. Caches of Hugging Face `datasets`, notes (README, LICENSE and the like; `.md` beside data of another format), `.json` beside
 *    data of another format, images outside class folders, and files of unknown format are skipped.
 * 3. The remaining files must be of one format.
 * 4. If a folder has several splits, `train` is read and the others are skipped; in a repository of the Hub this is an error.
 *    A pattern that names splits is followed.
 *
 * If these rules give no single answer, nothing is opened, and the error lists the candidates.
 *
 * @param given - The folder or pattern, as the user wrote it.
 * @param listed - Its files.
 * @param asked - The format, if the user named it.
 * @throws {@link ConfigError} for several formats, splits or data sets; {@link FormatError} if there is no data.
 */
export function chooseFiles(given: string, listed: readonly string[], asked?: FormatName): ChosenFiles {
  const files = listedFiles(given, listed).filter((file) => !isBookkeeping(file));
  const leftOut = new Map<ListedFile, string>();
  const leave = (file: ListedFile, why: string | undefined): boolean => {
    if (why !== undefined) leftOut.set(file, why);
    return why === undefined;
  };
  const around = surroundings(files);
  let kept = files.filter((file) => leave(file, whyNoData(file, around)));
  const format = asked ?? onlyFormat(given, kept, files);
  kept = kept.filter((file) => leave(file, file.format === format ? undefined : `not ${format}`));
  if (kept.length === 0 && asked === 'text') {
    // If the user asks for text and there is nothing else, notes are the data.
    kept = files.filter((file) => file.format === 'text');
    for (const file of kept) leftOut.delete(file);
  }
  // A pattern without known endings is followed as written.
  if (kept.length === 0 && asked && isPattern(given) && !leavesFolders(asked)) {
    kept = files;
    leftOut.clear();
  }
  if (kept.length === 0) throw noData(given, files, asked);
  const split = unitOf(format) === 'folder' ? undefined : chosenSplit(given, kept);
  if (split !== undefined)
    kept = kept.filter((file) => {
      const other = splitOf(file.name);
      return leave(file, other === split ? undefined : other ? `the split ${other}` : 'no split');
    });
  if (format === 'mds') checkMds(given, files);
  const paths = format === 'indexed' ? pairs(kept) : kept.map(({ path }) => path);
  if (unitOf(format) === 'file' && paths.length > 1) throw severalDataSets(given, format, paths);
  return { format, files: paths, leftOut: Array.from(leftOut, ([{ name }, why]) => ({ file: name, why })) };
}

function leavesFolders(format: FormatName): boolean {
  return unitOf(format) === 'folder' || format === 'indexed';
}

function unitOf(format: FormatName): 'files' | 'file' | 'folder' | undefined {
  return formatNamed(format)?.unit;
}

/** Whether a name is a pattern. */
export function isPattern(given: string): boolean {
  return /[*?[{]/.test(given);
}

function listedFiles(given: string, listed: readonly string[]): ListedFile[] {
  const names = relativeNames(given, listed);
  const all = new Set(names);
  const mdsFolders = foldersOfMds(names);
  return listed.map((path, k) => {
    const name = names[k]!;
    return { path, name, format: formatOf(name, all, mdsFolders) };
  });
}

/** Names relative to the folder, or to the fixed part of a pattern, with `/` between folders. */
export function relativeNames(given: string, listed: readonly string[]): string[] {
  const base = baseOf(given);
  return listed.map((path) => {
    const name = locationPath(path).replaceAll('\\', '/');
    return base && name.startsWith(base) ? name.slice(base.length).replace(/^\/+/, '') : name;
  });
}

/** The common prefix of all names: the folder, or the folders before the pattern's first special character. */
function baseOf(given: string): string {
  const text = schemeOf(given) === 'file' ? localPath(given) : given;
  const first = /[*?[{]/.exec(text)?.index;
  return (
    first === undefined ? text.replace(/\/+$/, '') : text.slice(0, text.lastIndexOf('/', first) + 1)
  ).replaceAll('\\', '/');
}

/** Folders with shards that are named as MosaicML names them. */
function foldersOfMds(names: readonly string[]): ReadonlySet<string> {
  const shard = /^(.*\/)?(?:shard\.\d{5}\.[^/]*|[^/]*\.mds(?:\.[a-z0-9]+)*)$/i;
  return new Set(names.map((name) => shard.exec(name)).flatMap((found) => (found ? [found[1] ?? ''] : [])));
}

function formatOf(
  name: string,
  all: ReadonlySet<string>,
  mdsFolders: ReadonlySet<string>,
): FormatName | undefined {
  if (/\.mds(\.[a-z0-9]+)*$/i.test(name)) return 'mds';
  const [isIndex, folder = ''] = /^(.*\/)?index\.json$/.exec(name) ?? [];
  if (isIndex && mdsFolders.has(folder)) return 'mds';
  if (/^shard\.\d{5}\./.test(name) && all.has('index.json')) return 'mds';
  if (name.includes('/') && isImage(name)) return 'images';
  const format = formatOfEnding(name)?.name;
  if (format !== 'indexed') return format;
  const other = /\.idx$/i.test(name) ? name.replace(/idx$/i, 'bin') : name.replace(/bin$/i, 'idx');
  return all.has(other) ? format : undefined;
}

/** Spark, pyarrow and Millrace write bookkeeping files whose names begin with `_`. */
function isBookkeeping({ name, format }: ListedFile): boolean {
  const ofFolder = format !== 'mds' && format !== 'images';
  return ofFolder && name.split('/').some((part) => part.startsWith('_'));
}

/** Whether a file is a note by its name: README, LICENSE and the like. */
export function isNote(name: string): boolean {
  return noteName.test(name);
}

/** Facts about all files together. */
interface Surroundings {
  readonly names: ReadonlySet<string>;
  /** Whether there is data that is not text. */
  readonly hasOtherData: boolean;
  /** Whether there is data that is neither JSON nor a note. */
  readonly hasMoreThanJson: boolean;
}

function surroundings(files: readonly ListedFile[]): Surroundings {
  const hasOtherData = files.some(({ format }) => format !== undefined && format !== 'text');
  const hasMoreThanJson = files.some(
    ({ name, format }) => format !== undefined && format !== 'json' && !/\.md$/i.test(name) && !isNote(name),
  );
  return { names: new Set(files.map(({ name }) => name)), hasOtherData, hasMoreThanJson };
}

function whyNoData(
  { name, format }: ListedFile,
  { names, hasOtherData, hasMoreThanJson }: Surroundings,
): string | undefined {
  if (format === 'mds' || format === 'images') return undefined;
  // `map` of Hugging Face `datasets` leaves `cache-….arrow` beside the `state.json` of `save_to_disk`.
  const [isCache, folder = ''] = /^(.*\/)?cache-[^/]*\.arrow$/.exec(name) ?? [];
  if (isCache && names.has(`${folder}state.json`)) return 'a cache of Hugging Face datasets';
  if (isNote(name) && (format === undefined || format === 'text')) return 'a note';
  if (/\.md$/i.test(name) && hasOtherData) return 'a note';
  if (format === 'json' && hasMoreThanJson) return 'JSON beside data of another format';
  if (isImage(name)) return 'an image outside class folders';
  return format ? undefined : 'not a known format';
}

/** @throws {@link ConfigError}, {@link FormatError} */
function onlyFormat(given: string, kept: readonly ListedFile[], all: readonly ListedFile[]): FormatName {
  const groups = groupBy(kept, ({ format }) => format!);
  const [first, second] = [...groups.keys()];
  if (first === undefined) throw noData(given, all, undefined);
  if (second === undefined) return first;
  throw new ConfigError(
    'Data files',
    [{ field: 'files', message: `${given} holds several formats: ${describeGroups(groups)}` }],
    {
      next: 'Name the files of one by a pattern, such as data/*.jsonl, or name the format: { format } or --format.',
    },
  );
}

/** The split to read if there are several; `undefined` if there is one, or the pattern names the split. */
function chosenSplit(given: string, kept: readonly ListedFile[]): string | undefined {
  if (isPattern(given) && namesSplit(given.slice(baseOf(given).length))) return undefined;
  const groups = groupBy<string>(kept, ({ name }) => splitOf(name) ?? 'no split');
  if (groups.size < 2) return undefined;
  const isHub = schemeOf(given) === 'hf';
  if (!isPattern(given) && !isHub && groups.has('train') && !groups.has('no split')) return 'train';
  throw new ConfigError(
    'Data files',
    [{ field: 'files', message: `${given} holds several splits: ${describeGroups(groups)}` }],
    {
      next:
        (isHub
          ? 'Open a split with loadDataset. Or name its files, such as data/train*. '
          : 'Name the files of one split, such as data/train*. ') +
        'To read several as one, name each: {data/train*,data/test*}.',
    },
  );
}

function checkMds(given: string, files: readonly ListedFile[]): void {
  const indexes = files.filter(({ name, format }) => format === 'mds' && /(^|\/)index\.json$/.test(name));
  if (indexes.length === 0 || indexes.some(({ name }) => name === 'index.json')) return;
  throw severalDataSets(
    given,
    'mds',
    indexes.map(({ path }) => path.slice(0, -'/index.json'.length)),
  );
}

function pairs(files: readonly ListedFile[]): string[] {
  return [...new Set(files.map(({ path }) => path.replace(/\.(bin|idx)$/i, '')))];
}

function severalDataSets(given: string, format: FormatName, paths: readonly string[]): ConfigError {
  const message = `${given} holds ${paths.length === 1 ? 'a data set' : `${paths.length} data sets`} of the format ${format}: ${some(paths)}`;
  return new ConfigError('Data files', [{ field: 'files', message }], { next: 'Name one of them.' });
}

function noData(given: string, files: readonly ListedFile[], asked: FormatName | undefined): FormatError {
  const what = asked ? `no ${asked} file` : 'no data in a known format';
  return new FormatError(
    `${given} holds ${what}${files.length > 0 ? `, only ${some(files.map(({ name }) => name))}` : ''}`,
    {
      where: { files: given, listed: files.length },
      next: `Name the data, or name its format: one of ${knownFormats().join(', ')}.`,
    },
  );
}

function groupBy<K extends string>(
  files: readonly ListedFile[],
  keyOf: (file: ListedFile) => K,
): Map<K, string[]> {
  const groups = new Map<K, string[]>();
  for (const file of files) {
    const key = keyOf(file);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(file.name);
  }
  return groups;
}

function describeGroups(groups: ReadonlyMap<string, readonly string[]>): string {
  return Array.from(groups, ([name, files]) => `${name} (${some(files)})`).join(', ');
}

/** The first few names. */
export function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(' ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
