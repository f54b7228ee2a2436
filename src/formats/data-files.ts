import { ConfigError } from '../core/errors.js';
import type { ByteSource } from '../storage/byte-source.js';
import { compressionOf, contentName } from '../storage/decompress.js';
import { listFiles } from '../storage/list-files.js';
import { openSource } from '../storage/open-source.js';
import { type StorageOptions, storageOptions } from '../storage/storage-options.js';

/**
 * Where a dataset's files are: paths, URLs, folders, patterns (`data/*.jsonl`, `s3://bucket/train-{000..099}.tar`), or sources of
 * bytes that are open already. Several are one dataset, end to end.
 */
export type DataFiles = string | URL | ByteSource | readonly (string | URL | ByteSource)[];

/**
 * Opens all files, in order.
 *
 * @param endings - Of the files in a folder those with one of these endings are meant.
 * @throws {@link ConfigError} for an unknown option; {@link StorageError} when one of them cannot be opened; those that were are closed.
 */
export async function openDataFiles(
  files: DataFiles,
  endings: readonly string[],
  options: StorageOptions = {},
): Promise<ByteSource[]> {
  storageOptions(options);
  const given = Array.isArray(files) ? (files as readonly (string | URL | ByteSource)[]) : [files as string];
  const names = (await Promise.all(given.map((file) => named(file, endings, options)))).flat();
  if (names.length === 0) throw new ConfigError('Data files', [{ field: 'files', message: 'names no file' }]);
  return allOpened(names.map((name) => openContent(name, options)));
}

/** Opens a file or takes a source; what is compressed as a whole is given decompressed. */
async function openContent(file: string | ByteSource, options: StorageOptions): Promise<ByteSource> {
  const packed = compressionOf(typeof file === 'string' ? file : file.name);
  if (!packed) return typeof file === 'string' ? openSource(file, options) : file;
  const source = typeof file === 'string' ? await openSource(file, { ...options, cache: false }) : file;
  try {
    const { DecompressedSource } = await import('../storage/decompressed-source.js');
    return await DecompressedSource.open(source, {
      compression: packed.compression,
      cache: options.cache || true,
    });
  } catch (error) {
    source.close();
    throw error;
  }
}

/** All of them; when one cannot be opened, the others are closed again. */
export async function allOpened(opening: readonly Promise<ByteSource>[]): Promise<ByteSource[]> {
  const opened = await Promise.allSettled(opening);
  const failed = opened.find((result) => result.status === 'rejected');
  if (!failed) return opened.map((result) => (result as PromiseFulfilledResult<ByteSource>).value);
  for (const result of opened) if (result.status === 'fulfilled') result.value.close();
  throw failed.reason;
}

async function named(
  file: string | URL | ByteSource,
  endings: readonly string[],
  options: StorageOptions,
): Promise<(string | ByteSource)[]> {
  if (typeof file !== 'string' && !(file instanceof URL)) return [file];
  const found = await listFiles(file, options);
  const isOneFile = found.length === 1 && found[0] === String(file);
  if (isOneFile) return found;
  const fitting = found.filter((name) => {
    const content = contentName(name);
    return endings.some((ending) => content.endsWith(ending));
  });
  // A pattern that names endings of its own is taken at its word.
  return fitting.length > 0 || !/[*?[{]/.test(String(file)) ? fitting : found;
}

/** Opens one file, or takes the source that is given. @throws {@link ConfigError}, {@link StorageError} */
export async function openDataFile(
  file: string | URL | ByteSource,
  options: StorageOptions = {},
): Promise<ByteSource> {
  storageOptions(options);
  return openContent(file instanceof URL ? file.href : file, options);
}
