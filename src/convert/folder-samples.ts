import { FormatError } from '../core/errors.js';
import { isImage } from '../formats/images/image-names.js';
import { byCodePoint } from '../storage/code-point-order.js';
import type { TarEntry } from './part.js';

/** Files that make up a sample of a WebDataset. */
export interface FolderSample {
  readonly key: string;
  readonly entries: readonly TarEntry[];
}

/**
 * The samples of a folder of files, in the order of their names. Where all files are images in folders of classes, each image is a
 * sample with its class beside it (`cls`: the place of its folder's name among all); else files belong together whose names are
 * the same up to the first dot, as in the shards that are written.
 *
 * @param root - What the names of the files begin with and the samples' do not.
 * @throws {@link FormatError} when two files would be one, or a file has no ending.
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
  return Array.from(samples, ([key, entries]) => ({ key, entries }));
}

/** The place of each class among the names of their folders; `undefined` when it is not a folder of images in such. */
function classesOf(names: readonly string[]): ReadonlyMap<string, number> | undefined {
  if (!names.every((name) => name.includes('/') && isImage(name))) return undefined;
  const folders = [...new Set(names.map((name) => name.slice(0, name.indexOf('/'))))].sort(byCodePoint);
  return new Map(folders.map((name, place) => [name, place]));
}

/** Dots within the name of an image would begin its ending. */
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
    next: 'Give it one that says what it is (.txt, .jpg, .json), or name the others by a pattern.',
  });
}

function twice(file: string, key: string): FormatError {
  return new FormatError(`Two files would be the same part of the sample ${key}`, {
    where: { file },
    next: 'Give one of them another name.',
  });
}
