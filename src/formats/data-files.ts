import { ConfigError } from '../core/errors.js';
import type { ByteSource } from '../storage/byte-source.js';
import { type Compression, compressionOf, compressionOfContent, contentName } from '../storage/decompress.js';
import { listObjects } from '../storage/list-files.js';
import type { KnownVersion } from '../storage/listed-object.js';
import { openSource } from '../storage/open-source.js';
import { type StorageOptions, storageOptions } from '../storage/storage-options.js';
import type { DataFiles } from './file-format.js';
import { chooseData, type KnownVersions, warnOfLeftOut } from './find/find-data.js';
import type { FormatName } from './format-table.js';

/**
 * Opens all files, in order.
 *
 * @param format - Decides which files of a folder are the data (`chooseFiles`).
 * @throws {@link ConfigError} for an unknown option; {@link StorageError} if a file cannot be opened. The opened files are then
 *   closed.
 */
export async function openDataFiles(
  files: DataFiles,
  format: FormatName,
  options: StorageOptions = {},
): Promise<ByteSource[]> {
  return openEach(files, format, options, openContent);
}

/** Like {@link openDataFiles}, without decompressing files. */
export function openStoredFiles(
  files: DataFiles,
  format: FormatName,
  options: StorageOptions = {},
): Promise<ByteSource[]> {
  return openEach(files, format, options, async (file, storage, known) => {
    if (typeof file !== 'string') return file;
    // What is decompressed as it is read is not read by ranges.
    return openSource(file, compressionOf(file) ? { ...storage, cache: false } : storage, known);
  });
}

async function openEach(
  files: DataFiles,
  format: FormatName,
  options: StorageOptions,
  open: typeof openContent,
): Promise<ByteSource[]> {
  storageOptions(options);
  const given = [files].flat();
  const known = new Map<string, KnownVersion | undefined>();
  const names = (await Promise.all(given.map((file) => named(file, format, options, known)))).flat();
  if (names.length === 0)
    throw new ConfigError('Data files', [{ field: 'files', message: 'is empty: name at least one file' }]);
  return allOpened(
    names.map((name) => open(name, options, typeof name === 'string' ? known.get(name) : undefined)),
  );
}

/** Opens files by exact name, without matching patterns. @throws {@link StorageError} */
export function openExactFiles(
  names: readonly string[],
  options: StorageOptions,
  known: KnownVersions,
): Promise<ByteSource[]> {
  return allOpened(names.map((name) => openContent(name, options, known.get(name))));
}

/**
 * Opens a file, or takes an open source, and decompresses it if its name has the ending of a compression. The first bytes of a
 * tar archive are checked too, because writers of WebDataset also name compressed archives `.tar`.
 */
async function openContent(
  file: string | ByteSource,
  options: StorageOptions,
  known?: KnownVersion,
): Promise<ByteSource> {
  const name = typeof file === 'string' ? file : file.name;
  const packed = compressionOf(name)?.compression;
  if (packed) {
    const source =
      typeof file === 'string' ? await openSource(file, { ...options, cache: false }, known) : file;
    return openCompressed(source, packed, options);
  }
  const source = typeof file === 'string' ? await openSource(file, options, known) : file;
  if (!contentName(name).endsWith('.tar')) return source;
  try {
    const found = compressionOfContent(await source.read(0, Math.min(4, source.byteLength)));
    return found === undefined ? source : await openCompressed(source, found, options);
  } catch (error) {
    source.close();
    throw error;
  }
}

async function openCompressed(
  source: ByteSource,
  compression: Compression,
  options: StorageOptions,
): Promise<ByteSource> {
  try {
    const { DecompressedSource } = await import('../storage/decompressed-source.js');
    return await DecompressedSource.open(source, {
      compression,
      cache: options.cache || true,
      maxDecompressedBytes: storageOptions(options).maxDecompressedBytes,
    });
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Waits for all sources. If one fails to open, closes the others. */
export async function allOpened<T extends { close(): void }>(opening: readonly Promise<T>[]): Promise<T[]> {
  const opened = await Promise.allSettled(opening);
  const failed = opened.find((result) => result.status === 'rejected');
  if (!failed) return opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  for (const result of opened) if (result.status === 'fulfilled') result.value.close();
  throw failed.reason;
}

async function named(
  file: string | URL | ByteSource,
  format: FormatName,
  options: StorageOptions,
  known: Map<string, KnownVersion | undefined>,
): Promise<(string | ByteSource)[]> {
  if (typeof file !== 'string' && !(file instanceof URL)) return [file];
  const listed = await listObjects(file, options);
  for (const { name, version } of listed) known.set(name, version);
  const found = listed.map(({ name }) => name);
  const isOneFile = found.length === 1 && found[0] === String(file);
  if (isOneFile) return found;
  const chosen = await chooseData(String(file), found, options, format);
  warnOfLeftOut(String(file), chosen);
  return [...chosen.files];
}

/** Opens one file, or takes an open source. @throws {@link ConfigError}, {@link StorageError} */
export async function openDataFile(
  file: string | URL | ByteSource,
  options: StorageOptions = {},
  known?: KnownVersion,
): Promise<ByteSource> {
  storageOptions(options);
  return openContent(file instanceof URL ? file.href : file, options, known);
}
