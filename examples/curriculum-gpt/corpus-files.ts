// Finds files that may contain text. Walks folders in sorted order and reads no contents.
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from './user-error.js';

/** Kind of a corpus file: a TypeScript declaration file, documentation, or other text. */
export type DocumentKind = 'declaration' | 'documentation' | 'text';

/** A file that may become part of the corpus. */
export interface CorpusFile {
  readonly path: string;
  /** Path relative to the searched folder, with `/`. */
  readonly name: string;
  /** The package or folder the file belongs to. The corpus is balanced over groups. */
  readonly group: string;
  readonly kind: DocumentKind;
  readonly byteLength: number;
}

const declarationFile = /\.d\.[cm]?ts$/;
const documentationFile = /\.(md|mdx|markdown|rst)$/i;

/**
 * Files below a folder of installed packages that are declaration files or documentation, sorted by path.
 *
 * @param nodeModules - A `node_modules` folder.
 */
export async function findPackageText(nodeModules: string): Promise<CorpusFile[]> {
  const files = await walk(nodeModules, nodeModules, () => true);
  return files.filter(({ kind }) => kind !== 'text');
}

/**
 * Every file at or below `path`, sorted by path, without hidden files and `node_modules`.
 *
 * @throws {@link UserError} if the path cannot be read.
 */
export async function findText(path: string): Promise<CorpusFile[]> {
  const absolute = resolve(path);
  const found = await stat(absolute).catch((cause: unknown) => {
    throw new UserError(`${absolute} cannot be read. Pass a text file, or a folder of text files.`, {
      cause,
    });
  });
  if (found.isFile()) return [describe(dirname(absolute), absolute, found.size)];
  return walk(absolute, absolute, (name) => name !== 'node_modules' && !name.startsWith('.'));
}

/** The nearest `node_modules` at or above `from`, or `undefined`. */
export async function nearestNodeModules(from: string): Promise<string | undefined> {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = basename(folder) === 'node_modules' ? folder : join(folder, 'node_modules');
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isDirectory()) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

async function walk(root: string, folder: string, wanted: (name: string) => boolean): Promise<CorpusFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files: CorpusFile[] = [];
  for (const entry of entries.sort(byName)) {
    if (!wanted(entry.name)) continue;
    const path = join(folder, entry.name);
    // A symbolic link is neither a file nor a folder here, so link cycles cannot occur.
    if (entry.isDirectory()) files.push(...(await walk(root, path, wanted)));
    else if (entry.isFile()) files.push(describe(root, path, (await stat(path)).size));
  }
  return files;
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}

function describe(root: string, path: string, byteLength: number): CorpusFile {
  const name = relative(root, path).split(sep).join('/');
  return { path, name, group: groupOf(name), kind: kindOf(path), byteLength };
}

function kindOf(path: string): DocumentKind {
  if (declarationFile.test(path)) return 'declaration';
  return documentationFile.test(path) ? 'documentation' : 'text';
}

/** `@scope/name` or `name` for a package, the first folder for anything else. */
function groupOf(name: string): string {
  const [first = '', second = ''] = name.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
