import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { contentName } from '../../storage/decompress.js';
import { locationPath } from '../../storage/location-path.js';

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

const byEnding: ReadonlyMap<string, FormatName> = new Map(
  Object.entries({
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
  } satisfies Record<string, FormatName>),
);

/** What files begin with, whatever they are called. */
const byContent: readonly (readonly [start: number, bytes: string, format: FormatName])[] = [
  [0, 'PAR1', 'parquet'],
  [0, 'ARROW1', 'arrow'],
  [0, '\x93NUMPY', 'npy'],
  [0, 'PK\x03\x04', 'npz'],
  [0, 'MMIDIDX', 'indexed'],
  [257, 'ustar', 'webdataset'],
];

/** File name endings of images. */
export const imageExtensions = [
  '.jpg',
  '.jpeg',
  '.png',
  '.ppm',
  '.bmp',
  '.pgm',
  '.pbm',
  '.pnm',
  '.tif',
  '.tiff',
  '.webp',
  '.avif',
  '.gif',
];

/** Whether a name ends as that of an image. */
export function isImage(name: string): boolean {
  const lower = locationPath(name).toLowerCase();
  return imageExtensions.some((extension) => lower.endsWith(extension));
}

/** The format of a file by its first bytes, whatever its name is. */
export function contentFormat(head: string): FormatName | undefined {
  return byContent.find(([start, bytes]) => head.startsWith(bytes, start))?.[2];
}

/** The format that the ending of a name says, compressed or not. */
export function endingFormat(name: string): FormatName | undefined {
  return byEnding.get(/\.[a-z]+$/.exec(contentName(name))?.[0] ?? '');
}

/** Whether a folder holds folders that hold images, as ImageFolder has it. Hidden ones do not count. */
export function holdsClassFolders(path: string): boolean {
  const folders = readdirSync(path, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  );
  return folders.some(({ name }) =>
    readdirSync(join(path, name)).some((file) => isImage(file) && !file.startsWith('.')),
  );
}
