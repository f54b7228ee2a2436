import * as v from 'valibot';
import { integerFrom } from '../core/options.js';
import { defaultCacheFolder } from './cache-folder.js';
import { FileCache, type FileCacheOptions } from './file-cache.js';

/** Location and size of the cache for bytes from URLs. */
export interface CacheOptions {
  /** @defaultValue `MILLRACE_CACHE`, or `millrace` in the user's cache folder */
  readonly folder?: string;
  /** Most bytes on disk, at least 16 MiB. @defaultValue 32 GiB */
  readonly maxBytes?: number;
}

/** Two runs of blocks; fewer could not be read concurrently. */
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

/** The size limit of a cache with these options. */
export function cacheLimit(options: boolean | CacheOptions): number {
  if (options === false) return 0;
  return (options === true ? undefined : options.maxBytes) ?? defaultBytes;
}

const caches = new Map<string, FileCache>();

/** The cache of a folder: one instance for each folder and limit, so that it counts all work in progress. */
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
