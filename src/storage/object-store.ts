import type { ByteSource } from './byte-source.js';

/**
 * Objects by name in storage that several machines may share: a folder or a bucket. An object appears complete or not at all,
 * even if its writer is killed, and replaces an earlier object of the same name.
 */
export interface ObjectStore {
  /** Name in messages. */
  readonly name: string;
  /** The folder, if the store is one: files made on the same disk are moved into it. */
  readonly folder: string | undefined;
  /** Stores an object. @throws {@link StorageError} */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Stores a local file, by moving it if possible. @throws {@link StorageError} */
  putFile(name: string, path: string): Promise<void>;
  /** Opens an object for reading; `undefined` if it does not exist. @throws {@link StorageError} */
  open(name: string): Promise<ByteSource | undefined>;
  /**
   * Removes an object, or all objects of a folder if the name ends in `/`. Does nothing if it does not exist. @throws {@link
   * StorageError}
   */
  remove(name: string): Promise<void>;
}

/** All bytes of an object; `undefined` if it does not exist. */
export async function readObject(store: ObjectStore, name: string): Promise<Uint8Array | undefined> {
  const source = await store.open(name);
  if (!source) return undefined;
  try {
    return await source.read(0, source.byteLength);
  } finally {
    source.close();
  }
}
