import { statSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import braces from 'braces';
import picomatch from 'picomatch';
import { StorageError } from '../core/errors.js';
import { byCodePoint } from './code-point-order.js';
import type { ListedObject } from './listed-object.js';
import { localPath } from './local-path.js';
import { storageFailure } from './storage-failure.js';
import type { StorageOptions } from './storage-options.js';
import { isRemote, schemeOf } from './url-scheme.js';

/**
 * Lists the files of a name, in code point order. A file stands for itself, and a folder for all files in it at any depth (a
 * remote folder ends in `/`, unless it is a repository of the Hub). `*`, `**`, `?` and `[…]` are matched; `{000..099}` and
 * `{a,b}` are expanded in the order written. Hidden files and folders, whose names begin with a dot, are skipped. Links are
 * followed, except to a folder that contains them. `http:` URLs cannot be listed: only braces are expanded.
 *
 * @returns paths or URLs
 * @throws {@link StorageError} if a folder cannot be listed or nothing matches.
 */
export async function listFiles(pattern: string | URL, options: StorageOptions = {}): Promise<string[]> {
  return (await listObjects(pattern, options)).map(({ name }) => name);
}

/** Like {@link listFiles}, with what the listing says about each object. */
export async function listObjects(
  pattern: string | URL,
  options: StorageOptions = {},
): Promise<ListedObject[]> {
  const text = String(pattern);
  if (!isRemote(text) && isFile(text)) return [{ name: text }];
  const found: ListedObject[] = [];
  for (const one of writtenOut(text)) for (const object of await matching(one, options)) found.push(object);
  if (found.length > 0) return found;
  throw new StorageError('Nothing matches this pattern', {
    where: { pattern: text },
    next: 'Check it: * stands for any characters except /, ** for any folders.',
  });
}

/** Whether a file has exactly this name, special characters included. */
function isFile(pathOrUrl: string): boolean {
  return statSync(localPath(pathOrUrl), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Expands braces. Braces of a query, and braces in names without a list, stay. */
function writtenOut(text: string): string[] {
  return /\{[^{}]*(,|\.\.)[^{}]*\}/.test(text) ? braces(text, { expand: true, rangeLimit: 10 ** 6 }) : [text];
}

/** Whether the URL names a repository of the Hub, which is a folder even without a slash at its end. */
const repository = /^hf:\/\/(?:(?:datasets|spaces|models)\/)?[^/]+\/[^/]+$/i;

async function matching(pattern: string, options: StorageOptions): Promise<ListedObject[]> {
  if (!isRemote(pattern))
    return (await localMatches(schemeOf(pattern) ? localPath(pattern) : pattern)).map((name) => ({ name }));
  const scheme = schemeOf(pattern)!;
  const canBeListed = ['s3', 'gs', 'az', 'hf'].includes(scheme);
  const { base, glob } = partsOf(pattern);
  if (!canBeListed && glob && /^https?:[^?]*\*/i.test(pattern)) throw cannotBeListed(pattern);
  if (!canBeListed || (!glob && !pattern.endsWith('/') && !repository.test(pattern)))
    return [{ name: pattern }];
  const { listRemote } = await import('./list-remote.js');
  const found = await listRemote(base, options);
  const isMatch = matcher(base, glob);
  return found.filter(({ name }) => isMatch(name)).sort((a, b) => byCodePoint(a.name, b.name));
}

function cannotBeListed(pattern: string): StorageError {
  return new StorageError('http: URLs cannot be listed, so * matches nothing', {
    where: { url: pattern },
    next: 'Write the names with braces: part-{000..099}.parquet.',
  });
}

async function localMatches(pattern: string): Promise<string[]> {
  const { base, glob } = partsOf(pattern);
  const root = base || '.';
  if (!glob) {
    const entries = await readdir(root, { withFileTypes: true }).catch((cause: { code?: string }) => {
      // A file, or nothing: opening it reports which.
      if (cause.code === 'ENOTDIR' || cause.code === 'ENOENT') return undefined;
      throw storageFailure('list', root, cause);
    });
    if (!entries) return [pattern];
  }
  const found = await filesBelow(root, base);
  return found.filter(matcher(base, glob)).sort(byCodePoint);
}

/** The folder in which a pattern starts, and what is matched below it. */
function partsOf(pattern: string): { readonly base: string; readonly glob: string } {
  const first = /[*?[]/.exec(pattern)?.index;
  if (first === undefined) return { base: pattern.replace(/(?<=.)\/+$/, ''), glob: '' };
  const cut = pattern.lastIndexOf('/', first);
  return { base: pattern.slice(0, Math.max(0, cut)), glob: pattern.slice(cut + 1) };
}

/** Whether a name below `base` matches. */
function matcher(base: string, glob: string): (name: string) => boolean {
  const skipped = base ? base.length + 1 : 0;
  const isMatch = picomatch(glob || '**', { nobrace: true });
  return (name) => isMatch(name.slice(skipped));
}

/** @param above - The real paths of the parent folders: a link to one of them would never end. */
async function filesBelow(folder: string, shown: string, above: readonly string[] = []): Promise<string[]> {
  const own = await realpath(folder).catch(() => folder);
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw storageFailure('list', folder, cause);
  });
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const name = shown ? `${shown.replace(/\/$/, '')}/${entry.name}` : entry.name;
    const path = join(folder, entry.name);
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await leadsToFolder(path)));
    if (!isFolder) files.push(name);
    else if (!entry.isSymbolicLink() || ![own, ...above].includes(await realpath(path)))
      files.push(...(await filesBelow(path, name, [own, ...above])));
  }
  return files;
}

/** A broken link counts as a file: opening it reports what is wrong. */
async function leadsToFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
