import type { ByteSource } from './byte-source.js';
import { FolderStore } from './folder-store.js';
import { localPath } from './local-path.js';
import { schemeOf } from './url-scheme.js';

/**
 * A place for objects by name that several machines may share: a folder, or a bucket. An object appears whole or not at all,
 * whatever happens to its writer, and a later one of the same name replaces it.
 */
export interface ObjectStore {
  /** What messages call it. */
  readonly name: string;
  /** The folder itself, where it is one: large results are written there in place. */
  readonly folder: string | undefined;
  /** Stores an object. @throws {@link StorageError} */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Stores the content of a local file. @throws {@link StorageError} */
  putFile(name: string, path: string): Promise<void>;
  /** Opens an object for reading; `undefined` when there is none. @throws {@link StorageError} */
  open(name: string): Promise<ByteSource | undefined>;
  /** Removes all objects whose names begin so; a name that ends in `/` is a folder. @throws {@link StorageError} */
  remove(prefix: string): Promise<void>;
}

/**
 * Opens a store: a path or `file:` URL of a folder, or `s3://bucket/prefix`.
 *
 * @throws {@link StorageError} for another scheme.
 */
export async function openObjectStore(place: string | URL): Promise<ObjectStore> {
  if (schemeOf(String(place)) !== 's3') return new FolderStore(localPath(place));
  const { S3Store } = await import('./s3-store.js');
  return new S3Store(String(place));
}

/** All bytes of an object; `undefined` when there is none. */
export async function readObject(store: ObjectStore, name: string): Promise<Uint8Array | undefined> {
  const source = await store.open(name);
  if (!source) return undefined;
  try {
    return await source.read(0, source.byteLength);
  } finally {
    source.close();
  }
}
