import { ConfigError, FormatError } from '../../core/errors.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { isMissing } from '../../storage/is-missing.js';
import { listFiles } from '../../storage/list-files.js';
import { locationPath, withPath } from '../../storage/location-path.js';
import { openSource } from '../../storage/open-source.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { within } from './table-paths.js';

/** A table and its metadata file. */
export interface FoundMetadata {
  /** The folder of the table. */
  readonly root: string;
  readonly file: string;
}

const metadataName = /(?:^|[\\/])v?(\d+)(?:-[^\\/]*)?(?:\.gz)?\.metadata\.json(?:\.gz)?$/;

/**
 * Finds the newest metadata of a table: the file that is named; that of `version-hint.text`, or of a later number; or the one with the
 * highest number. A catalog knows which file is the newest, and a folder does not: a commit that failed may have left one.
 *
 * @param table - The folder of the table, or a metadata file.
 * @throws {@link ConfigError} if several files have the highest number; {@link FormatError} if there is none; {@link StorageError}
 */
export async function findMetadata(table: string, options: StorageOptions): Promise<FoundMetadata> {
  if (/\.metadata\.json(\.gz)?$/.test(locationPath(table))) {
    const root = withPath(table, (path) =>
      path.replace(/(^|[\\/])[^\\/]*$/, '').replace(/(^|[\\/])metadata$/, ''),
    );
    return { root: root === '' ? '.' : root, file: table };
  }
  const hint = await readHint(table, options);
  if (/^https?:/i.test(table)) {
    if (hint !== undefined) return { root: table, file: within(table, `metadata/${fileOfHint(hint)}`) };
    throw new ConfigError(
      'Data files',
      [{ field: 'files', message: `${table} is a folder of a server, which cannot be listed` }],
      { next: 'Name the metadata file: https://host/table/metadata/v3.metadata.json' },
    );
  }
  const folder = `${withPath(table, (path) => path.replace(/[\\/]+$/, ''))}/metadata/`;
  const found = (await listFiles(folder, options)).flatMap((file) => {
    const number = metadataName.exec(file)?.[1];
    return number === undefined ? [] : [{ file, number: Number(number) }];
  });
  const newest = newestOf(found, hint);
  if (newest.length === 1) return { root: table, file: newest[0]! };
  if (newest.length === 0)
    throw new FormatError('The Iceberg table has no metadata', {
      where: { table },
      next: 'Name the folder of the table, which holds metadata/ with files such as v1.metadata.json.',
    });
  const names = newest.sort(byCodePoint).join(', ');
  throw new ConfigError(
    'Data files',
    [{ field: 'files', message: `the Iceberg table ${table} has several newest metadata files: ${names}` }],
    { next: 'Name the one that the catalog of the table has.' },
  );
}

/** The files with the newest number: that of the hint or the last one after it without a gap, as in Hadoop; or the highest. */
function newestOf(
  found: readonly { readonly file: string; readonly number: number }[],
  hint: string | undefined,
): string[] {
  const named = hint === undefined ? undefined : found.find(({ file }) => isFileOf(file, fileOfHint(hint)));
  if (named && !/^\d+$/.test(hint!)) return [named.file];
  let newest = named?.number ?? Math.max(-1, ...found.map(({ number }) => number));
  while (named && found.some(({ number }) => number === newest + 1)) newest += 1;
  return found.flatMap(({ file, number }) => (number === newest ? [file] : []));
}

function isFileOf(file: string, name: string): boolean {
  const [, last = file] = /[\\/]([^\\/]*)$/.exec(file) ?? [];
  return last.replace('.gz', '') === name;
}

function fileOfHint(hint: string): string {
  return `${/^\d+$/.test(hint) ? 'v' : ''}${hint}.metadata.json`;
}

/** The text of `metadata/version-hint.text`: a number, or the name of a file without its ending. */
async function readHint(table: string, options: StorageOptions): Promise<string | undefined> {
  try {
    const source = await openSource(within(table, 'metadata/version-hint.text'), options);
    try {
      const text = new TextDecoder().decode(await source.read(0, Math.min(1_000, source.byteLength))).trim();
      return text === '' ? undefined : text;
    } finally {
      source.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
