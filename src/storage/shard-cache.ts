import * as v from 'valibot';
import { integerFrom } from '../core/options.js';
import { defaultCacheFolder } from './cache-folder.js';
import { FileCache, type FileCacheOptions } from './file-cache.js';

/** Where what is fetched from URLs is kept, and how much of it. */
export interface CacheOptions {
  /** @defaultValue `MILLRACE_CACHE`, else `millrace` in the user's folder for caches */
  readonly folder?: string;
  /** Bytes that it may take on the disk. At least 16 MiB. @defaultValue 32 GiB */
  readonly maxBytes?: number;
}

/** Two blocks: fewer could not be read side by side. */
const smallestBytes = 2 ** 24;
const defaultBytes = 32 * 2 ** 30;

export const cacheSchema = v.union(
  [
    v.boolean(),
    v.strictObject({
      folder: v.optional(v.pipe(v.string(), v.minLength(1))),
      maxBytes: v.optional(integerFrom(smallestBytes)),
    }),
  ],
  'must be true, false or { folder, maxBytes }',
);

/** Bytes that a cache with these options may take. */
export function cacheLimit(options: boolean | CacheOptions): number {
  if (options === false) return 0;
  return (options === true ? undefined : options.maxBytes) ?? defaultBytes;
}

const caches = new Map<string, FileCache>();

/** The cache of a folder: one a process, so that its threads' work is known to it. */
export function cacheOf(options: true | CacheOptions): FileCache {
  const { folder } = options === true ? {} : (options as CacheOptions);
  const resolved: FileCacheOptions = {
    folder: folder ?? defaultCacheFolder(),
    maxBytes: cacheLimit(options),
  };
  const name = `${resolved.maxBytes} ${resolved.folder}`;
  const known = caches.get(name) ?? new FileCache(resolved);
  caches.set(name, known);
  return known;
}
