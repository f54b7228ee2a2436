import type { ByteSource } from './byte-source.js';
import { FileSource } from './file-source.js';
import { localPath } from './local-path.js';

/**
 * Opens bytes by name: the path of a local file or a `file:` URL.
 *
 * @throws {@link StorageError} when it cannot be opened, or the URL's scheme is not supported.
 */
export async function openSource(pathOrUrl: string | URL): Promise<ByteSource> {
  return new FileSource(localPath(pathOrUrl));
}
