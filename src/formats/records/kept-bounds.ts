import { closeSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../storage/byte-source.js';
import { contentBytes } from '../../storage/cache-entry.js';
import { isSystemError } from '../../storage/file-cache.js';
import { type CacheOptions, cacheOf } from '../../storage/shard-cache.js';
import type { FindRecords } from './record-files.js';

/** Looking through less than this takes a few milliseconds. */
const worthwhileBytes = 2 ** 22;

/** Where what was found is kept from run to run. */
export interface KeptBounds {
  /** What was looked for: lines, rows with some delimiter. */
  readonly kind: string;
  readonly cache: boolean | CacheOptions | undefined;
}

/**
 * Finds the records of a file, or takes from the cache where they were found in an earlier run. What is kept belongs to the file's
 * place, date and content, and has a checksum: what is damaged is found again. A cache that cannot be written is done without.
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

/** @returns `undefined` when it was evicted meanwhile, or is not of this file */
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
