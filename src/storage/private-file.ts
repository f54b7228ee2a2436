import { CapabilityError, StorageError } from '../core/errors.js';
import { messageOf } from '../core/thrown.js';
import { type BlobLike, BlobSource } from './blob-source.js';

/** The part of the File System API that is used: TypeScript declares it only with the whole DOM. */
interface Folder {
  getDirectoryHandle(name: string): Promise<Folder>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<BlobLike> }>;
}

/**
 * Opens a file of the page's origin private file system.
 *
 * @param url - `opfs:///folder/file`.
 * @throws {@link CapabilityError} if the platform has no such file system; {@link StorageError} if the file does not exist.
 */
export async function openPrivateFile(url: string): Promise<BlobSource> {
  const { navigator } = globalThis as { navigator?: { storage?: { getDirectory?: () => Promise<Folder> } } };
  if (!navigator?.storage?.getDirectory) {
    throw new CapabilityError('There is no origin private file system here', {
      where: { url },
      next: 'Browsers have one, on pages from https: or localhost.',
    });
  }
  const names = decodeURIComponent(new URL(url).pathname).split('/').filter(Boolean);
  const fileName = names.pop() ?? '';
  try {
    let folder = await navigator.storage.getDirectory();
    for (const name of names) folder = await folder.getDirectoryHandle(name);
    const handle = await folder.getFileHandle(fileName);
    return new BlobSource(await handle.getFile(), url);
  } catch (cause) {
    throw new StorageError(`Cannot open the file: ${messageOf(cause)}`, {
      where: { url },
      next: 'Check the path; folders and files of this file system belong to one origin.',
      cause,
    });
  }
}
