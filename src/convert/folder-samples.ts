import { FormatError } from '../core/errors.js';
import { isImage } from '../formats/images/image-names.js';
import { IndexPermutation, orderKey } from '../random/index.js';
import { byCodePoint } from '../storage/code-point-order.js';
import type { TarEntry } from './part.js';

/** Files of one sample of a WebDataset. */
export interface FolderSample {
  readonly key: string;
  readonly entries: readonly TarEntry[];
}

/**
 * Groups the files of a folder into samples, in an order that is shuffled with a fixed seed: a stream of the shards would otherwise come
 * class by class. The same files have the same order. If all files are images in folders of
 * classes, each image is a sample with its class (`cls`: the position of its folder's name among all). Otherwise the
 * files of a sample share their name up to the first dot, as in the shards.
 *
 * @param root - The prefix of the files' names that samples do not have.
 * @throws {@link FormatError} if two files would be the same entry, or a file has no ending.
 */
export function folderSamples(files: readonly string[], root: string): FolderSample[] {
  const names = files.map((file) => file.slice(root.length).replace(/^\/+/, ''));
  const classes = classesOf(names);
  const samples = new Map<string, TarEntry[]>();
  for (const [k, name] of names.entries()) {
    const { key, ending } = classes ? imageName(name) : sampleName(name, files[k]!);
    const entries = samples.get(key) ?? [];
    samples.set(key, entries);
    const isTwice = classes ? entries.length > 0 : entries.some((entry) => entry.name === `${key}.${ending}`);
    if (isTwice) throw twice(files[k]!, key);
    entries.push({ name: `${key}.${ending}`, content: { file: files[k]! } });
    if (classes)
      entries.push({
        name: `${key}.cls`,
        content: { text: String(classes.get(name.slice(0, name.indexOf('/')))) },
      });
  }
  const grouped = Array.from(samples, ([key, entries]) => ({ key, entries }));
  if (grouped.length === 0) return [];
  const order = new IndexPermutation(grouped.length, orderKey(0, 0, 'folderSamples'));
  return grouped.map((_, position) => grouped[order.at(position)]!);
}

/**
 * The number of each class, by the sorted names of the folders; `undefined` if this is not a folder of images by
 * class.
 */
function classesOf(names: readonly string[]): ReadonlyMap<string, number> | undefined {
  if (!names.every((name) => name.includes('/') && isImage(name))) return undefined;
  const folders = [...new Set(names.map((name) => name.slice(0, name.indexOf('/'))))].sort(byCodePoint);
  return new Map(folders.map((name, place) => [name, place]));
}

/** A dot within the name of an image would start its ending. */
function imageName(name: string): { key: string; ending: string } {
  const dot = name.lastIndexOf('.');
  const slash = name.lastIndexOf('/');
  const base = name.slice(slash + 1, dot).replaceAll('.', '_');
  return { key: name.slice(0, slash + 1) + base, ending: name.slice(dot + 1).toLowerCase() };
}

function sampleName(name: string, file: string): { key: string; ending: string } {
  const [, key, ending] = /^((?:.*\/)?[^/.]+)\.([^/]+)$/s.exec(name) ?? [];
  if (key !== undefined && ending !== undefined) return { key, ending };
  throw new FormatError('A file without an ending cannot be part of a WebDataset', {
    where: { file },
    next: 'Add an ending that tells its type (.txt, .jpg, .json), or select the other files with a pattern.',
  });
}

function twice(file: string, key: string): FormatError {
  return new FormatError(`Two files would be the same entry of the sample ${key}`, {
    where: { file },
    next: 'Rename one of them.',
  });
}
