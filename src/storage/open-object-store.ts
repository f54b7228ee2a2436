import { FolderStore } from './folder-store.js';
import { localPath } from './local-path.js';
import type { ObjectStore } from './object-store.js';
import { schemeOf } from './url-scheme.js';

export interface ObjectStoreOptions {
  /** Bytes of each part of the upload of a large file to S3, from 5 MiB on. @defaultValue `67_108_864` */
  readonly partBytes?: number;
}

/**
 * Opens a store: a path or `file:` URL of a folder, or `s3://bucket/prefix`.
 *
 * @throws {@link StorageError} for another scheme.
 */
export async function openObjectStore(
  place: string | URL,
  options: ObjectStoreOptions = {},
): Promise<ObjectStore> {
  if (schemeOf(String(place)) !== 's3') return new FolderStore(localPath(place));
  const { S3Store } = await import('./s3-store.js');
  return new S3Store(String(place), options);
}
