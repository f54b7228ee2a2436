import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StorageError } from '../core/errors.js';

/**
 * The absolute path of a local file named by path or `file:` URL.
 *
 * @throws {@link StorageError} for a URL of another scheme; says which schemes there are.
 */
export function localPath(pathOrUrl: string | URL): string {
  const text = String(pathOrUrl);
  const scheme = schemeOf(text);
  if (scheme === undefined) return resolve(text);
  if (scheme === 'file') return fileURLToPath(text);
  throw new StorageError(`Cannot read from ${scheme}: URLs`, {
    where: { url: text },
    next: 'This version reads local files, by path or file: URL. Copy the file to a local disk first.',
  });
}

/** The scheme of a URL; `undefined` for a path, which may have colons. */
function schemeOf(text: string): string | undefined {
  return /^(file(?=:\/)|[a-z][a-z0-9+.-]+(?=:\/\/))/i.exec(text)?.[1]?.toLowerCase();
}
