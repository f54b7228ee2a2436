import type { ByteSource } from './byte-source.js';

/**
 * A place for objects by name that several machines may share: a folder, or a bucket. An object appears whole or not at all,
 * whatever happens to its writer, and a later one of the same name replaces it.
 */
export interface ObjectStore {
  /** What messages call it. */
  readonly name: string;
  /** The folder itself, where it is one: what is made on the same disk is moved there at once. */
  readonly folder: string | undefined;
  /** Stores an object. @throws {@link StorageError} */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Stores a local file, which is moved where that is possible. @throws {@link StorageError} */
  putFile(name: string, path: string): Promise<void>;
  /** Opens an object for reading; `undefined` when there is none. @throws {@link StorageError} */
  open(name: string): Promise<ByteSource | undefined>;
  /** Removes an object, or with a `/` at the end all objects of a folder; nothing happens when there is none. @throws {@link StorageError} */
  remove(name: string): Promise<void>;
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
