import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ConfigError, FormatError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { listFiles } from '../../storage/list-files.js';
import { storageFailure } from '../../storage/storage-failure.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { isRemote } from '../../storage/url-scheme.js';
import { splitOf } from '../find/split-of.js';
import { PathList } from '../records/path-list.js';
import { imageExtensions, isImage } from './image-names.js';
import { type ImageLabels, labelsOfTable, numberLabels } from './label-table.js';

/** The images of an `ImageFolder`. */
export interface ImageListing {
  readonly classes: readonly string[];
  readonly paths: PathList;
  /** Shape `[n]`: the class of each path. */
  readonly labels: Int32Array;
}

/** Which images to list, and their labels. */
export interface ListingOptions {
  readonly classes?: readonly string[] | undefined;
  readonly labels?: ImageLabels | undefined;
  readonly storage: StorageOptions;
}

/** Lists the images below a folder or URL, with their labels. @throws {@link StorageError}, {@link FormatError}, {@link ConfigError} */
export async function listImages(
  root: string,
  { classes, labels, storage }: ListingOptions,
): Promise<ImageListing> {
  if (labels === undefined)
    return isRemote(root) ? remoteClasses(root, storage, classes) : localClasses(root, classes);
  const images = await allImages(root, storage);
  if (images.length === 0) {
    throw new FormatError('The folder has no images', {
      where: { folder: root, extensions: imageExtensions.join(' ') },
      next: 'Name a folder with images, at any depth.',
    });
  }
  if (labels === false) {
    if (classes) throw classesWithoutLabels();
    return { classes: [], paths: PathList.from(images), labels: sharedInts(images.map(() => -1)) };
  }
  const found =
    typeof labels === 'function'
      ? { paths: images, labels: images.map(labels) }
      : await labelsOfTable(labels, images, storage);
  const numbered = numberLabels(found, classes);
  return {
    classes: numbered.classes,
    paths: PathList.from(numbered.paths),
    labels: sharedInts(numbered.labels),
  };
}

function classesWithoutLabels(): ConfigError {
  return new ConfigError('ImageFolder options', [
    { field: 'classes', message: 'has no effect with labels: false' },
  ]);
}

/** All images at any depth, files of a folder before those of its subfolders. */
async function allImages(root: string, storage: StorageOptions): Promise<readonly string[]> {
  if (!isRemote(root)) return imagesBelow(root, '');
  const names = (await listFiles(`${root}/`, storage)).map((name) => name.slice(root.length + 1));
  return names.filter((name) => isImage(name) && !name.split('/').some(isHidden)).sort(byFolderThenName);
}

/** Lists the images in class folders. @throws {@link StorageError}, {@link FormatError}, {@link ConfigError} */
async function localClasses(root: string, given?: readonly string[]): Promise<ImageListing> {
  const entries = await list(root);
  const folders: string[] = [];
  for (const entry of entries) if (await isFolder(root, entry)) folders.push(entry.name);
  folders.sort(byCodePoint);
  const classes = chosenClasses(root, folders, given);
  if (classes.length === 0) {
    throw new FormatError('The folder has no class folders', {
      where: { folder: root },
      next:
        'Put the images of each class into their own folder, cats/1.jpg, dogs/2.jpg; or pass labels: a table, a function of the ' +
        'path, or false.',
    });
  }
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const images = await imagesBelow(root, name);
    if (images.length === 0) {
      throw new FormatError(`The class folder ${name} has no images`, {
        where: { folder: join(root, name), extensions: imageExtensions.join(' ') },
        next: 'Remove the folder, or put images into it.',
      });
    }
    paths.push(...images);
    for (let k = 0; k < images.length; k++) labels.push(label);
  }
  return { classes, paths: PathList.from(paths), labels: sharedInts(labels) };
}

/** Lists the images among the names of a server. */
async function remoteClasses(
  root: string,
  storage: StorageOptions,
  given?: readonly string[],
): Promise<ImageListing> {
  const names = (await listFiles(`${root}/`, storage)).map((name) => name.slice(root.length + 1));
  const found = names
    .filter((name) => name.includes('/') && isImage(name) && !name.split('/').some(isHidden))
    .sort(byFolderThenName);
  const classOf = (name: string) => name.slice(0, name.indexOf('/'));
  const classes = chosenClasses(root, [...new Set(found.map(classOf))], given);
  const chosen = new Set(classes);
  const images = found.filter((name) => chosen.has(classOf(name)));
  if (classes.length === 0) {
    throw new FormatError('There are no images in folders below this URL', {
      where: { url: root, extensions: imageExtensions.join(' ') },
      next: 'Name an s3:, gs:, az: or hf: URL above the folders of the classes; http: URLs cannot be listed.',
    });
  }
  const places = new Map(classes.map((name, label) => [name, label]));
  const labels = images.map((name) => knownValue(places, classOf(name)));
  return { classes, paths: PathList.from(images), labels: sharedInts(labels) };
}

/** Orders files of a folder before those of its subfolders. */
function byFolderThenName(a: string, b: string): number {
  const [inA, inB] = [a.split('/'), b.split('/')];
  for (let depth = 0; ; depth++) {
    const [lastA, lastB] = [depth === inA.length - 1, depth === inB.length - 1];
    if (lastA !== lastB) return lastA ? -1 : 1;
    if (inA[depth] !== inB[depth] || lastA) return byCodePoint(inA[depth]!, inB[depth]!);
  }
}

/** Images of a folder in torchvision's order: top down, sorted within each folder. */
async function imagesBelow(root: string, folder: string): Promise<string[]> {
  const entries = (await list(join(root, folder))).sort((a, b) => byCodePoint(a.name, b.name));
  const images: string[] = [];
  const below: string[][] = [];
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!(await isFolder(join(root, folder), entry))) {
      if (isImage(entry.name)) images.push(name);
    } else if (!entry.isSymbolicLink() || !(await holdsItself(join(root, name))))
      below.push(await imagesBelow(root, name));
  }
  return images.concat(...below);
}

/** Whether an entry is a folder, or a link to one. */
async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const found = await stat(join(folder, entry.name)).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** Whether a link leads to one of its parent folders: following it would never end. */
async function holdsItself(link: string): Promise<boolean> {
  const [target, folder] = await Promise.all([realpath(link), realpath(dirname(link))]);
  return folder === target || folder.startsWith(`${target}${sep}`);
}

/** The classes: those that are given, in their order, or all folders. @throws {@link ConfigError} for a class without a folder */
function chosenClasses(
  root: string,
  folders: readonly string[],
  given: readonly string[] | undefined,
): readonly string[] {
  if (!given) {
    checkClasses(root, folders);
    return folders;
  }
  const wrong = (message: string) => new ConfigError('ImageFolder options', [{ field: 'classes', message }]);
  const missing = given.filter((name) => !folders.includes(name));
  if (missing.length > 0)
    throw wrong(`${root} has no folder ${missing.join(', ')}; there are ${folders.join(', ')}`);
  if (new Set(given).size < given.length) throw wrong('names a class twice');
  if (given.length === 0) throw wrong('must not be empty');
  return given;
}

/** Refuses folders of splits, which would become classes. */
function checkClasses(root: string, classes: readonly string[]): void {
  if (
    classes.length === 0 ||
    !classes.every((name) => splitOf(`${name}/`) !== undefined && /^[a-z]+$/i.test(name))
  )
    return;
  throw new ConfigError(
    'ImageFolder',
    [{ field: 'root', message: `${root} holds splits, not classes: ${classes.join(', ')}` }],
    { next: `Open one of them: ${root}/${classes[0]}.` },
  );
}

/** Names of folders that macOS and notebooks leave behind. */
function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX';
}

async function list(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter(({ name }) => !isHidden(name));
  } catch (cause) {
    throw storageFailure('list', folder, cause);
  }
}

function sharedInts(values: readonly number[]): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
}
