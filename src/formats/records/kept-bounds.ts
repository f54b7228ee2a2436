import { closeSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentBytes } from '../../storage/cache-entry.js';
import { isSystemError } from '../../storage/file-cache.js';
import { type CacheOptions, cacheOf } from '../../storage/shard-cache.js';
import type { FindRecords } from './record-files.js';

/** Scanning fewer bytes takes a few milliseconds. */
const worthwhileBytes = 2 ** 22;

/** Where record offsets are kept between runs. */
export interface KeptBounds {
  /** What was found: lines, or rows with a delimiter. Part of the cache key. */
  readonly kind: string;
  readonly cache: boolean | CacheOptions | undefined;
}

/**
 * Finds the records of a file, or reads their offsets from the cache of an earlier run. The cache key contains the file's
 * location, date and content; a damaged entry is recreated. If the cache cannot be written, the records are found again in each
 * run.
 *
 * @param content - Fingerprint of the file's content.
 */
export async function keptBounds(
  source: ByteSource,
  content: string,
  find: FindRecords,
  { kind, cache: options }: KeptBounds,
): Promise<Float64Array> {
  const version = source.contentVersion?.();
  if (!version || source.byteLength < worthwhileBytes) return find(source);
  const cache = cacheOf(options || true);
  const key = JSON.stringify(['bounds 1', kind, source.name, version, content]);
  let found: Float64Array | undefined;
  try {
    const path = await cache.entry(key, undefined, async (append) => {
      found = await find(source);
      append(new Uint8Array(found.buffer, found.byteOffset, found.byteLength));
    });
    return found ?? readBounds(path, source) ?? (await find(source));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return found ?? find(source);
  }
}

/** @returns `undefined` if the entry was evicted meanwhile or does not match the file */
function readBounds(path: string, { byteLength }: ByteSource): Float64Array | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const length = contentBytes(descriptor);
    if (length === undefined || length % 8 !== 0) return undefined;
    const bounds = new Float64Array(new SharedArrayBuffer(length));
    const bytes = new Uint8Array(bounds.buffer);
    for (let at = 0; at < length; ) {
      const count = readSync(descriptor, bytes, at, Math.min(length - at, 2 ** 30), at);
      if (count === 0) return undefined;
      at += count;
    }
    return bounds.length === 0 || bounds.at(-1) === byteLength ? bounds : undefined;
  } finally {
    closeSync(descriptor);
  }
}
