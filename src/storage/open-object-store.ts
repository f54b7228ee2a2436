import { StorageError } from '../core/errors.js';
import { FolderStore } from './folder-store.js';
import { localPath } from './local-path.js';
import type { ObjectStore } from './object-store.js';
import type { StorageOptions } from './storage-options.js';
import { isRemote, schemeOf } from './url-scheme.js';

export interface ObjectStoreOptions extends StorageOptions {
  /** Bytes of each part of the upload of a large file to a cloud; for S3, from 5 MiB on. @defaultValue `67_108_864` */
  readonly partBytes?: number;
}

/**
 * Opens a store: a path or `file:` URL of a folder, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
 *
 * @throws {@link StorageError} for another scheme.
 */
export async function openObjectStore(
  place: string | URL,
  options: ObjectStoreOptions = {},
): Promise<ObjectStore> {
  const url = String(place);
  if (!isRemote(url)) return new FolderStore(localPath(place));
  const { openCloudStore } = await import('./clouds/open-cloud-store.js');
  const store = openCloudStore(url, options);
  if (store) return store;
  throw new StorageError(`Cannot write to ${schemeOf(url)}: URLs`, {
    where: { url },
    next: 'Name a folder, or a URL that begins with file:, s3:, gs: or az:.',
  });
}
