import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ConfigError, FormatError } from '../../core/errors.js';
import { byCodePoint } from '../../storage/code-point-order.js';
import { listFiles } from '../../storage/list-files.js';
import { storageFailure } from '../../storage/storage-failure.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { splitOf } from '../find/split-of.js';
import { PathList } from '../records/path-list.js';
import { imageExtensions, isImage } from './image-names.js';

/** The images of an `ImageFolder`. */
export interface ImageListing {
  readonly classes: readonly string[];
  readonly paths: PathList;
  /** Shape `[n]`: the class of each path. */
  readonly labels: Int32Array;
}

/** Lists the images in class folders. @throws {@link StorageError}, {@link FormatError}, {@link ConfigError} */
export async function listImages(root: string): Promise<ImageListing> {
  const entries = await list(root);
  const classes: string[] = [];
  for (const entry of entries) if (await isFolder(root, entry)) classes.push(entry.name);
  classes.sort(byCodePoint);
  checkClasses(root, classes);
  if (classes.length === 0) {
    throw new FormatError('The folder has no class folders', {
      where: { folder: root },
      next: 'Put the images of each class into their own folder: cats/1.jpg, dogs/2.jpg.',
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
export async function listRemoteImages(root: string, storage: StorageOptions): Promise<ImageListing> {
  const names = (await listFiles(`${root}/`, storage)).map((name) => name.slice(root.length + 1));
  const images = names
    .filter((name) => name.includes('/') && isImage(name) && !name.split('/').some(isHidden))
    .sort(byFolderThenName);
  const classes = [...new Set(images.map((name) => name.slice(0, name.indexOf('/'))))];
  checkClasses(root, classes);
  if (classes.length === 0) {
    throw new FormatError('There are no images in folders below this URL', {
      where: { url: root, extensions: imageExtensions.join(' ') },
      next: 'Name an s3: or hf: URL above the folders of the classes; http: URLs cannot be listed.',
    });
  }
  const places = new Map(classes.map((name, label) => [name, label]));
  const labels = images.map((name) => places.get(name.slice(0, name.indexOf('/')))!);
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
    const name = `${folder}/${entry.name}`;
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
