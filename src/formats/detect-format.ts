import { Buffer } from 'node:buffer';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError, StorageError } from '../core/errors.js';
import { contentName } from '../storage/decompress.js';
import { listFiles } from '../storage/list-files.js';
import { localPath } from '../storage/local-path.js';
import { locationPath, withPath } from '../storage/location-path.js';
import { openSource } from '../storage/open-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import { isRemote } from '../storage/url-scheme.js';

/** The formats that datasets are opened from. */
export const formatNames = [
  'jsonl',
  'csv',
  'text',
  'parquet',
  'arrow',
  'webdataset',
  'mds',
  'indexed',
  'images',
  'npy',
  'npz',
  'safetensors',
] as const;

export type FormatName = (typeof formatNames)[number];

const byEnding: Readonly<Record<string, FormatName>> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.txt': 'text',
  '.text': 'text',
  '.md': 'text',
  '.parquet': 'parquet',
  '.pq': 'parquet',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
  '.feather': 'arrow',
  '.ipc': 'arrow',
  '.tar': 'webdataset',
  '.bin': 'indexed',
  '.idx': 'indexed',
  '.npy': 'npy',
  '.npz': 'npz',
  '.safetensors': 'safetensors',
};

/** What files begin with, whatever they are called. */
const byContent: readonly (readonly [start: number, bytes: string, format: FormatName])[] = [
  [0, 'PAR1', 'parquet'],
  [0, 'ARROW1', 'arrow'],
  [0, '\x93NUMPY', 'npy'],
  [0, 'PK\x03\x04', 'npz'],
  [0, 'MMIDIDX', 'indexed'],
  [257, 'ustar', 'webdataset'],
];

/** The format that the ending of a name says, compressed or not. */
export function endingFormat(name: string): FormatName | undefined {
  return byEnding[/\.[a-z]+$/.exec(contentName(name))?.[0] ?? ''];
}

/**
 * Which format files are in: by what is in a folder, by the endings of names, by what a file begins with.
 *
 * @throws {@link FormatError} when it cannot be told; {@link StorageError} when nothing is there.
 */
export async function detectFormat(files: string, options: StorageOptions = {}): Promise<FormatName> {
  if (!isRemote(files)) {
    const path = localPath(files);
    if (existsSync(join(path, 'index.json'))) return 'mds';
    if (existsSync(`${path}.idx`)) return 'indexed';
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() && holdsClassFolders(path)) return 'images';
  }
  if (/(^|\/)index\.json$/.test(locationPath(files))) return 'mds';
  const known = endingFormat(files);
  if (known) return known;
  const listed = await listFiles(files, options);
  const counts = new Map<FormatName, number>();
  for (const name of listed) {
    const format = endingFormat(name);
    if (format) counts.set(format, (counts.get(format) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (most) return most[0];
  if (isRemote(files) && listed.length > 0 && listed.every((name) => isImage(locationPath(name))))
    return 'images';
  if (
    isRemote(files) &&
    listed.length === 1 &&
    (await exists(
      withPath(files, (path) => `${path}.idx`),
      options,
    ))
  )
    return 'indexed';
  const found = listed.length === 1 ? await contentFormat(listed[0]!, options) : undefined;
  if (found) return found;
  throw new FormatError('It cannot be told which format this is', {
    where: { files, listed: listed.length },
    next: `Name it: one of ${formatNames.join(', ')}.`,
  });
}

async function contentFormat(name: string, options: StorageOptions): Promise<FormatName | undefined> {
  const source = await openSource(name, options);
  try {
    const head = Buffer.from(await source.read(0, Math.min(512, source.byteLength))).toString('latin1');
    return byContent.find(([start, bytes]) => head.startsWith(bytes, start))?.[2];
  } finally {
    source.close();
  }
}

function isImage(name: string): boolean {
  return /\.(jpe?g|png|ppm|bmp|pgm|tiff?|webp|avif|gif)$/i.test(name);
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

/** Whether a folder holds folders that hold images, as ImageFolder has it. */
export function holdsClassFolders(path: string): boolean {
  const folders = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.some(({ name }) => readdirSync(join(path, name)).some(isImage));
}
