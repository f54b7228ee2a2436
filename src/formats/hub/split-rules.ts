import { ConfigError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { isNote, some } from '../find/choose-files.js';
import { type CardConfig, splitName } from './data-set-card.js';
import { baseName, holdsData } from './file-kinds.js';
import { globExpression, isGlob, isValidGlob } from './glob.js';

/** The files of each split, in the order in which they are read. */
export type SplitFiles = ReadonlyMap<string, readonly string[]>;

const keywords: readonly (readonly [split: string, words: readonly string[]])[] = [
  ['train', ['train', 'training']],
  ['validation', ['validation', 'valid', 'dev', 'val']],
  ['test', ['test', 'testing', 'eval', 'evaluation']],
];

/** What may stand before and after a keyword. */
const separator = '[-._ 0-9]';

const namePatterns = patternsOf((word) => [
  `**/${word}${separator}*`,
  `**/*${separator}${word}${separator}*`,
]);
const folderPatterns = patternsOf((word) => [
  `**/${word}/**`,
  `**/${word}${separator}*/**`,
  `**/*${separator}${word}/**`,
  `**/*${separator}${word}${separator}*/**`,
]);

function patternsOf(ofWord: (word: string) => string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(keywords.map(([split, words]) => [split, words.flatMap(ofWord)]));
}

/** Shards in the folder `data`, as `push_to_hub` writes them. */
const sharded = /^data\/([^/]*)-\d{5}-of-\d{5}[^/]*\.[^/]*$/;
const shardOfSplit = /^(.*)-\d{5}-of-\d{5}/;

/**
 * The files of each split of a configuration, by the rules of Hugging Face `datasets` 5.0: the patterns of the card; without them
 * `data/<split>-00000-of-00001.*`, else folders with the name of a split, else files with one, else everything as `train`.
 *
 * Where `datasets` drops files or trains on them without a word, this is an error that lists them: files that belong to no split
 * although others do, or that would be read twice; several splits that end up as one, because their names are in capitals or outside `data/`.
 *
 * @param files - All files of the data set.
 * @throws {@link ConfigError} for these, and for a pattern that matches nothing.
 */
export function splitFiles(
  files: readonly string[],
  { name, dataFiles, dataDir }: CardConfig,
  owner: string,
): SplitFiles {
  const base = normalized(dataDir);
  const inside =
    base === ''
      ? files
      : files.flatMap((file) => (file.startsWith(`${base}/`) ? [file.slice(base.length + 1)] : []));
  const found = dataFiles ? byPatterns(inside, dataFiles, name, owner) : byNames(inside, owner);
  return new Map(
    Array.from(found, ([split, own]) => [split, own.map((file) => (base ? `${base}/${file}` : file))]),
  );
}

function normalized(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function byPatterns(
  files: readonly string[],
  patterns: ReadonlyMap<string, readonly string[]>,
  config: string,
  owner: string,
): SplitFiles {
  return new Map(
    Array.from(patterns, ([split, own]) => {
      const found = own.flatMap((pattern) => {
        const matched = matching(files, checkedPattern(pattern, owner));
        if (matched.length > 0 || isGlob(pattern)) return matched;
        throw noFiles(owner, `${pattern}, which the configuration ${config} names, is not there`);
      });
      if (found.length === 0)
        throw noFiles(owner, `no file with data matches ${own.join(', ')} of the split ${split}`);
      return [split, found] as const;
    }),
  );
}

function checkedPattern(pattern: string, owner: string): string {
  if (
    /^[a-z][a-z0-9+.-]*:\/\//i.test(pattern) ||
    pattern.startsWith('/') ||
    pattern.split('/').includes('..')
  )
    throw noFiles(owner, `its card names files outside of it: ${pattern}`);
  if (isValidGlob(pattern)) return normalized(pattern);
  throw noFiles(owner, `${pattern} is not a pattern: ** must be a whole part of the path`);
}

function byNames(files: readonly string[], owner: string): SplitFiles {
  const data = files.filter((file) => isVisible(file, '**') && holdsData(file) && !isIgnored(file, '**'));
  const found = byShards(data, owner) ?? byKeywords(data, folderPatterns) ?? byKeywords(data, namePatterns);
  if (found) return withoutOrphans(data, found, owner);
  if (data.length === 0) throw noFiles(owner, 'it holds no file with data');
  checkMixed(data, owner);
  return new Map([['train', data]]);
}

function byShards(data: readonly string[], owner: string): SplitFiles | undefined {
  const bySplit = new Map<string, string[]>();
  for (const file of data) {
    const split = sharded.exec(file)?.[1];
    if (split !== undefined) bySplit.set(split, [...(bySplit.get(split) ?? []), file]);
  }
  if (bySplit.size === 0) return undefined;
  const unusable = [...bySplit.keys()].find((split) => !splitName.test(split));
  if (unusable !== undefined)
    throw refused(owner, `${unusable} cannot be a split: its name may have letters, digits and underscores`);
  const usual = keywords.map(([split]) => split).filter((split) => bySplit.has(split));
  const others = [...bySplit.keys()].filter((split) => !usual.includes(split)).sort(byCodePoint);
  return new Map([...usual, ...others].map((split) => [split, knownValue(bySplit, split)]));
}

function byKeywords(
  data: readonly string[],
  patterns: ReadonlyMap<string, readonly string[]>,
): SplitFiles | undefined {
  const found = Array.from(
    patterns,
    ([split, own]) => [split, own.flatMap((pattern) => matching(data, pattern))] as const,
  ).filter(([, own]) => own.length > 0);
  return found.length > 0 ? new Map(found) : undefined;
}

/** @throws {@link ConfigError} if files belong to no split, or to one twice, or to two: `datasets` reads those twice */
function withoutOrphans(data: readonly string[], found: SplitFiles, owner: string): SplitFiles {
  const splits = new Map<string, string>();
  for (const [split, files] of found)
    for (const file of files) {
      const other = splits.get(file);
      if (other !== undefined)
        throw refused(
          owner,
          other === split
            ? `${file} names the split ${split} twice, and would be read twice`
            : `${file} belongs to two splits by its name: ${other} and ${split}`,
        );
      splits.set(file, split);
    }
  const orphans = data.filter((file) => !splits.has(file) && !isNote(file));
  if (orphans.length === 0) return found;
  const named = [...found.keys()].join(', ');
  throw refused(owner, `files belong to no split, while others belong to ${named}: ${some(orphans)}`);
}

/** @throws {@link ConfigError} if the files of several splits would all be `train` */
function checkMixed(data: readonly string[], owner: string): void {
  const shards = new Set(data.flatMap((file) => shardOfSplit.exec(baseName(file))?.[1] ?? []));
  if (shards.size > 1)
    throw refused(owner, `files of several splits lie outside of the folder data: ${[...shards].join(', ')}`);
  const lower = data.map((file) => file.toLowerCase());
  const loud = byKeywords(lower, folderPatterns) ?? byKeywords(lower, namePatterns);
  if (loud) {
    const files = data.filter((_, k) => [...loud.values()].some((own) => own.includes(lower[k]!)));
    throw refused(owner, `only names in lower case make a split, and these have capitals: ${some(files)}`);
  }
}

/** Files that match a pattern, in code point order, with an ending of data. */
function matching(files: readonly string[], pattern: string): string[] {
  const expression = globExpression(pattern);
  return files.filter(
    (file) =>
      expression.test(file) && isVisible(file, pattern) && holdsData(file) && !isIgnored(file, pattern),
  );
}

/** Hidden files, and folders such as `__pycache__`, match only a pattern that names them. */
function isVisible(file: string, pattern: string): boolean {
  const hidden = (path: string): number =>
    path.split('/').filter((part) => part.startsWith('.') && !/^\.+$/.test(part)).length;
  const special = (path: string): number =>
    path
      .split('/')
      .slice(0, -1)
      .filter((part) => part.startsWith('__')).length;
  return hidden(file) === hidden(pattern) && special(file) === special(pattern);
}

const descriptions = new Set([
  'README.md',
  'config.json',
  'dataset_info.json',
  'dataset_infos.json',
  'dummy_data.zip',
  'dataset_dict.json',
]);

function isIgnored(file: string, pattern: string): boolean {
  return descriptions.has(baseName(file)) && baseName(file) !== baseName(pattern);
}

function noFiles(owner: string, message: string): ConfigError {
  return new ConfigError('Data files', [{ field: 'source', message: `${owner}: ${message}` }], {
    next: 'Check the name, and the card of the data set (README.md).',
  });
}

function refused(owner: string, message: string): ConfigError {
  return new ConfigError('Data files', [{ field: 'source', message: `${owner}: ${message}` }], {
    next: 'Assign the files to splits in the card (configs in README.md), or name those to read: openDataset(pattern).',
  });
}
