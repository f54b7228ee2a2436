import * as v from 'valibot';
import { integerFrom, parseOptions, recordOf } from '../core/options.js';
import { defaultDecompressedBytes } from './decompressed-limit.js';
import { type CacheOptions, cacheSchema } from './shard-cache.js';

/** How data is fetched from URLs. Local files take no notice of it. */
export interface StorageOptions {
  /** How often a request that failed for now (a lost connection, 429, 5xx) is tried again, with growing pauses. @defaultValue `6` */
  readonly retries?: number;
  /** How long nothing may come before a request counts as failed, in milliseconds. @defaultValue `30_000` */
  readonly timeoutMs?: number;
  /** Requests of one source that may be under way at once. @defaultValue `16` */
  readonly concurrency?: number;
  /**
   * Whether what comes from URLs is kept on this machine's disk, for the next epoch, run and process; and where. What is compressed
   * as a whole (`.gz`, `.zst`) is always kept, decompressed. @defaultValue `false`
   */
  readonly cache?: boolean | CacheOptions;
  /**
   * Sent with every request to an `http:` URL, and to no other host that it redirects to: `{ authorization: 'Bearer …' }`. What the cache
   * keeps belongs to them: other headers, other entries. @defaultValue none
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Most bytes that one compressed file, shard or member may take in memory when it is decompressed: a small file may claim to hold
   * terabytes. What the cache keeps decompressed on the disk is limited by the cache instead. @defaultValue 1 GiB
   */
  readonly maxDecompressedBytes?: number;
}

// The values are secrets: no message shows them.
const headerName = v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~\w-]+$/, 'is not the name of a header'));
const headerValue = v.pipe(
  v.string('must be text'),
  v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must not hold line breaks or characters beyond Latin-1'),
);

const schema = v.strictObject({
  retries: v.optional(integerFrom(0), 6),
  timeoutMs: v.optional(integerFrom(1), 30_000),
  concurrency: v.optional(integerFrom(1), 16),
  cache: v.optional(cacheSchema, false),
  headers: v.optional(recordOf(headerValue, headerName), {}),
  maxDecompressedBytes: v.optional(integerFrom(1), defaultDecompressedBytes),
});

/** With the defaults filled in. @throws {@link ConfigError} */
export function storageOptions(options: StorageOptions): Required<StorageOptions> {
  return parseOptions('Storage options', schema, options) as Required<StorageOptions>;
}
