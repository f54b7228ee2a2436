import { Buffer } from 'node:buffer';
import { existsSync, statSync } from 'node:fs';
import { ConfigError, FormatError, StorageError } from '../../core/errors.js';
import { warn } from '../../core/warn.js';
import { listObjects } from '../../storage/list-files.js';
import type { KnownVersion } from '../../storage/listed-object.js';
import { localPath } from '../../storage/local-path.js';
import { locationPath, withPath } from '../../storage/location-path.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { isRemote } from '../../storage/url-scheme.js';
import {
  type FormatName,
  formatNamed,
  formatOfContent,
  formatOfEnding,
  knownFormats,
} from '../format-table.js';
import { type ChosenFiles, chooseFiles, isPattern, relativeNames, some } from './choose-files.js';
import { tableOfFolder } from './table-folder.js';

/** What listings say about objects, by name. */
export type KnownVersions = ReadonlyMap<string, KnownVersion | undefined>;

/** The data of a name: the file or data set itself, or the chosen files of a folder or pattern. */
export interface FoundData extends Omit<ChosenFiles, 'files'> {
  /** What to open. A format that is a folder or a prefix opens the name itself. */
  readonly files: string | readonly string[];
  /** What listings say about the files, by name. */
  readonly known: KnownVersions;
}

/**
 * Finds the data of a name and its format: from the files of a folder or pattern ({@link chooseFiles}), the ending of a name,
 * or the first bytes of a file.
 *
 * @throws {@link FormatError} if the format is unknown; {@link ConfigError} for several formats; {@link StorageError} if the
 *   name does not exist.
 */
export async function findData(
  name: string,
  options: StorageOptions = {},
  asked?: FormatName,
): Promise<FoundData> {
  const alone = (format: FormatName): FoundData => ({ format, files: name, leftOut: [], known: new Map() });
  if (!isRemote(name)) {
    const path = localPath(name);
    if (asked === 'indexed' && !isFolder(path)) return alone(asked);
    if (!asked && existsSync(`${path}.idx`)) return alone('indexed');
  }
  if (!asked && /(^|\/)index\.json$/.test(locationPath(name))) return alone('mds');
  if (!asked && /\.metadata\.json(\.gz)?$/.test(locationPath(name))) return alone('iceberg');
  // These list their folders themselves.
  if (asked && formatNamed(asked)?.unit === 'folder') return alone(asked);
  if (asked && isRemote(name) && asked === 'indexed') return alone(asked);
  const objects = await listObjects(name, options);
  const listed = objects.map((object) => object.name);
  const known = new Map(objects.map((object) => [object.name, object.version]));
  const table = asked ? undefined : tableOfFolder(name, relativeNames(name, listed));
  if (table) return alone(table);
  const isOneFile = listed.length === 1 && listed[0] === name;
  if (!isOneFile) {
    const chosen = await chooseData(name, listed, options, asked);
    if (chosen.format === 'mds' || chosen.format === 'images') return { ...chosen, known, files: name };
    return { ...chosen, known };
  }
  const format = asked ?? formatOfEnding(name)?.name ?? (await formatOfOne(name, options));
  if (format) return alone(format);
  throw new FormatError('The format is unknown: neither the ending nor the first bytes identify it', {
    where: { files: name },
    next: `Name the format: one of ${knownFormats().join(', ')}.`,
  });
}

/** Like {@link chooseFiles}, for a data set of the Hub. @throws {@link ConfigError} if its card lists several configurations */
export async function chooseData(
  name: string,
  listed: readonly string[],
  options: StorageOptions,
  asked?: FormatName,
): Promise<ChosenFiles> {
  const chosen = chooseFiles(name, listed, asked);
  const card = isPattern(name) ? -1 : relativeNames(name, listed).indexOf('README.md');
  if (card < 0) return chosen;
  const configs = await configsOf(listed[card]!, options);
  if (configs.length < 2) return chosen;
  throw new ConfigError(
    'Data files',
    [
      {
        field: 'files',
        message: `${name} holds several configurations, as README.md says: ${some(configs)}`,
      },
    ],
    { next: `Name the files of one by a pattern, such as ${configs[0]}/train*.` },
  );
}

const cardBytes = 2 ** 20;

/** Names of the configurations in the front matter of a data set's card. */
async function configsOf(card: string, options: StorageOptions): Promise<string[]> {
  const source = await openSource(card, options);
  try {
    const text = Buffer.from(await source.read(0, Math.min(cardBytes, source.byteLength))).toString();
    const [, front = ''] = /^---\r?\n(.*?)\r?\n---/s.exec(text) ?? [];
    const names = front.matchAll(/^[ -]*config_name:[ ]*["']?([^"'\r\n]+?)["']?[ ]*$/gm);
    return [...new Set(Array.from(names, ([, config = '']) => config))];
  } finally {
    source.close();
  }
}

/** Warns once per name about its skipped files. */
export function warnOfLeftOut(
  name: string,
  { format, leftOut }: Pick<FoundData, 'format' | 'leftOut'>,
): void {
  if (leftOut.length === 0 || said.has(name)) return;
  said.add(name);
  const message = `Of ${name} the ${format} files are read. Left out: ${describeLeftOut(leftOut)}.`;
  warn({ code: 'MILLRACE_FILES_LEFT_OUT', message });
}

const said = new Set<string>();

/** Skipped files, grouped by reason. */
export function describeLeftOut(leftOut: FoundData['leftOut']): string {
  const reasons = new Map<string, string[]>();
  for (const { file, why } of leftOut) reasons.set(why, [...(reasons.get(why) ?? []), file]);
  return Array.from(reasons, ([why, files]) => `${some(files)} (${why})`).join(', ');
}

async function formatOfOne(name: string, options: StorageOptions): Promise<FormatName | undefined> {
  if (
    isRemote(name) &&
    (await exists(
      withPath(name, (path) => `${path}.idx`),
      options,
    ))
  )
    return 'indexed';
  const source = await openSource(name, options);
  try {
    const head = Buffer.from(await source.read(0, Math.min(512, source.byteLength)));
    return formatOfContent(head.toString('latin1'))?.name;
  } finally {
    source.close();
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function exists(url: string, options: StorageOptions): Promise<boolean> {
  try {
    (await openSource(url, options)).close();
    return true;
  } catch (error) {
    if (error instanceof StorageError) return false;
    throw error;
  }
}
