import * as v from 'valibot';
import { integerFrom, parseOptions, recordOf } from '../core/options.js';
import { type CloudCredentials, isCloudCredentials } from './clouds/credentials.js';
import { defaultDecompressedBytes } from './decompressed-limit.js';
import { isLent, lendSecret, type Secret } from './lent-secret.js';
import { type CacheOptions, cacheSchema } from './shard-cache.js';

/** How data is fetched from URLs. Local files ignore these options. */
export interface StorageOptions {
  /**
   * How often a request is retried after a temporary failure (a lost connection, 429, 5xx), with growing delays. @defaultValue
   * `6`
   */
  readonly retries?: number;
  /** Milliseconds without data after which a request counts as failed. @defaultValue `30_000` */
  readonly timeoutMs?: number;
  /** Most concurrent requests of one source. @defaultValue `16` */
  readonly concurrency?: number;
  /**
   * Whether bytes from URLs are cached on disk for later epochs, runs and processes, and where. Files that are compressed as a
   * whole (`.gz`, `.zst`) are always cached, decompressed. @defaultValue `false`
   */
  readonly cache?: boolean | CacheOptions;
  /**
   * Headers of every request to an `http:` URL, such as `{ authorization: 'Bearer …' }`. Not sent to another host after a
   * redirect. Other headers have other cache entries. @defaultValue none
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The token for the Hugging Face Hub, or a function that is called for it before each request. @defaultValue `HF_TOKEN`
   */
  readonly token?: string | (() => string | Promise<string>);
  /**
   * The keys for `s3:` (`{ accessKeyId, secretAccessKey, sessionToken }`), the token for `gs:` (`{ accessToken }`), or for `az:` a key
   * (`{ accountKey }`), a shared access signature (`{ sasToken }`) or a token (`{ accessToken }`); or a function that returns
   * them, such as `fromNodeProviderChain()` of `@aws-sdk/credential-providers`. It is called again five minutes before their
   * `expiration`, and once after a refusal, in workers too. @defaultValue those of the environment, read for each request; else those
   * that the cloud's own package finds, if it is installed
   */
  readonly credentials?: CloudCredentials | (() => CloudCredentials | Promise<CloudCredentials>);
  /**
   * URL of the service for `s3:` and `gs:`, or of the storage account for `az:`; other URLs ignore it. @defaultValue
   * `AWS_ENDPOINT_URL`, `STORAGE_EMULATOR_HOST`, or the account in `AZURE_STORAGE_ACCOUNT`
   */
  readonly endpoint?: string;
  /**
   * Agrees to pay for requests to a bucket whose owner does not: `true` for `s3:`, the name of the project that pays for `gs:`.
   * @defaultValue `false`
   */
  readonly requesterPays?: boolean | string;
  /**
   * Most memory that one compressed file, shard or member may take when decompressed: a small file may claim to hold terabytes.
   * Content that is decompressed into the cache is limited by the cache instead. @defaultValue 1 GiB
   */
  readonly maxDecompressedBytes?: number;
}

// The values are secrets and must not appear in messages.
const headerName = v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~\w-]+$/, 'is not the name of a header'));
const headerValue = v.pipe(
  v.string('must be text'),
  v.regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must not hold line breaks or characters beyond Latin-1'),
);

/** Options with defaults. In a worker, secrets may be stand-ins. */
export type ResolvedStorageOptions = Required<Omit<StorageOptions, OptionalFields>> &
  Pick<StorageOptions, OptionalFields>;

type OptionalFields = 'token' | 'credentials' | 'endpoint' | 'requesterPays';

const schema = v.strictObject({
  retries: v.optional(integerFrom(0), 6),
  timeoutMs: v.optional(integerFrom(1), 30_000),
  concurrency: v.optional(integerFrom(1), 16),
  cache: v.optional(cacheSchema, false),
  headers: v.optional(recordOf(headerValue, headerName), {}),
  token: v.optional(
    v.custom<Secret<string>>(
      (token) => typeof token === 'string' || typeof token === 'function' || isLent(token),
      'must be text, or a function that returns it',
    ),
  ),
  credentials: v.optional(
    v.custom<Secret<CloudCredentials>>(
      (given) => typeof given === 'function' || isLent(given) || isCloudCredentials(given),
      'must be { accessKeyId, secretAccessKey }, { accessToken }, { accountKey } or { sasToken }, or a function that returns it',
    ),
  ),
  endpoint: v.optional(
    v.pipe(
      v.string(),
      v.check((given) => /^https?:/i.test(given) && URL.canParse(given), 'must be an http: or https: URL'),
    ),
  ),
  requesterPays: v.optional(v.union([v.boolean(), v.string()])),
  maxDecompressedBytes: v.optional(integerFrom(1), defaultDecompressedBytes),
});

/** Fills in defaults. @throws {@link ConfigError} */
export function storageOptions(options: StorageOptions): ResolvedStorageOptions {
  return parseOptions('Storage options', schema, options) as ResolvedStorageOptions;
}

/** Options as a recipe holds them: without secrets, for which other threads of this process can ask. */
export function movableOptions<O extends StorageOptions | ResolvedStorageOptions>(options: O): O {
  const { token, credentials } = options;
  return {
    ...options,
    ...(token !== undefined && { token: lendSecret<string>(token) }),
    ...(credentials !== undefined && { credentials: lendSecret<CloudCredentials>(credentials) }),
  };
}
