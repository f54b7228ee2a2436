import { Buffer } from 'node:buffer';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../../core/errors.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { openHubRepository } from '../../storage/hub-repository.js';
import type { KnownVersion } from '../../storage/listed-object.js';
import { openSource } from '../../storage/open-source.js';
import { storageFailure } from '../../storage/storage-failure.js';
import type { StorageOptions } from '../../storage/storage-options.js';

/** A folder with a data set: one on a disk, or a repository of the Hub at one commit. */
export interface DataRepository {
  /** In messages: the folder as it was given, or `user/name`. */
  readonly name: string;
  /** The commit of a repository; `undefined` for a local folder. */
  readonly commit: string | undefined;
  /** Paths of all files relative to the folder, with `/` between folders, in code point order. */
  readonly files: readonly string[];
  /** The path or URL of a file. */
  locationOf(file: string): string;
  /** What the listing says about a file, which then needs no request to be opened. */
  versionOf(file: string): KnownVersion | undefined;
}

const hubName = /^[\w.-]+(?:\/[\w.-]+)?$/;

/**
 * Finds a data set: a local folder, else a repository of the Hub, whose branch or tag is resolved to a commit.
 *
 * @throws {@link StorageError} if there is neither, or access is denied.
 */
export async function openDataRepository(
  source: string,
  revision: string | undefined,
  storage: StorageOptions,
): Promise<DataRepository> {
  const [, ofUrl, revisionOfUrl] = /^hf:\/\/datasets\/([^@]+?)(?:@([^/]+))?\/*$/.exec(source) ?? [];
  if (ofUrl === undefined && (await isFolder(source))) return localRepository(source);
  const name = ofUrl ?? source;
  if (!hubName.test(name)) {
    throw new StorageError('There is no such folder, and this is not the name of a data set on the Hub', {
      where: { source },
      next: 'Name a local folder, or a data set as the Hub does: user/name.',
    });
  }
  const asked = revision ?? (revisionOfUrl === undefined ? undefined : decodeURIComponent(revisionOfUrl));
  const found = await openHubRepository(name, asked, storage);
  const versions = new Map(found.files.map(({ path, version }) => [path, version]));
  const root = `hf://datasets/${found.name}@${found.commit}`;
  return {
    name: found.name,
    commit: found.commit,
    files: [...versions.keys()].sort(byCodePoint),
    locationOf: (file) => `${root}/${file.replaceAll('%', '%25')}`,
    versionOf: (file) => versions.get(file),
  };
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

async function localRepository(folder: string): Promise<DataRepository> {
  const root = folder.replace(/(?<=.)[/\\]+$/, '');
  return {
    name: root,
    commit: undefined,
    files: (await filesBelow(root, '')).sort(byCodePoint),
    locationOf: (file) => join(root, file),
    versionOf: () => undefined,
  };
}

/** Folders of tools, which hold no data however a card names its files. */
const toolFolders = new Set(['.git', '.cache']);

/** @param above - The real paths of the parent folders: a link to one of them would never end. */
async function filesBelow(folder: string, inside: string, above: readonly string[] = []): Promise<string[]> {
  const own = await realpath(folder);
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw storageFailure('list', folder, cause);
  });
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const name = inside + entry.name;
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(path)))) {
      if (toolFolders.has(entry.name)) continue;
      if (entry.isSymbolicLink() && [own, ...above].includes(await realpath(path))) continue;
      files.push(...(await filesBelow(path, `${name}/`, [own, ...above])));
    } else files.push(name);
  }
  return files;
}

/** Most bytes of a card or another description of a data set. */
const mostText = 2 ** 24;

/** The text of a file of a repository; `undefined` if it has no such file. */
export async function textOf(
  repository: DataRepository,
  file: string,
  storage: StorageOptions,
): Promise<string | undefined> {
  if (!repository.files.includes(file)) return undefined;
  const options = { ...storage, cache: false };
  const source = await openSource(repository.locationOf(file), options, repository.versionOf(file));
  try {
    return Buffer.from(await source.read(0, Math.min(source.byteLength, mostText))).toString();
  } finally {
    source.close();
  }
}
