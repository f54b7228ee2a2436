import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { locationPath } from '../../storage/location-path.js';

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

/** Whether a name has the ending of an image. */
export function isImage(name: string): boolean {
  const lower = locationPath(name).toLowerCase();
  return imageExtensions.some((extension) => lower.endsWith(extension));
}

/** Whether a folder has subfolders with images, as ImageFolder requires. Hidden ones are ignored. */
export function holdsClassFolders(path: string): boolean {
  const folders = readdirSync(path, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  );
  return folders.some(({ name }) =>
    readdirSync(join(path, name)).some((file) => isImage(file) && !file.startsWith('.')),
  );
}
