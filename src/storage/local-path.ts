import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StorageError } from '../core/errors.js';
import { schemeOf } from './url-scheme.js';

/**
 * The absolute path of a local file, from a path or `file:` URL.
 *
 * @throws {@link StorageError} for a URL of another scheme.
 */
export function localPath(pathOrUrl: string | URL): string {
  const text = String(pathOrUrl);
  const scheme = schemeOf(text);
  if (scheme === undefined) return resolve(text);
  if (scheme === 'file') return fileURLToPath(text);
  throw new StorageError(`Cannot read from ${scheme}: URLs`, {
    where: { url: text },
    next: 'This needs a local file or folder, by path or file: URL. Copy it to a local disk first.',
  });
}
