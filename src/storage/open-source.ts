import type { ByteSource } from './byte-source.js';
import { FileSource } from './file-source.js';
import { localPath } from './local-path.js';
import type { StorageOptions } from './storage-options.js';
import { isRemote } from './url-scheme.js';

/**
 * Opens bytes by name: the path of a local file, or a URL.
 *
 * | URL | |
 * |---|---|
 * | `file:` | a local file |
 * | `http:`, `https:` | ranges of an object; `options.headers` are sent along |
 * | `s3://bucket/key` | Amazon S3 or any store like it: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` and so on |
 * | `hf://datasets/user/name@revision/path` | the Hugging Face Hub, with the token in `HF_TOKEN` |
 *
 * @throws {@link StorageError} when it cannot be opened, or the URL's scheme is not supported.
 */
export async function openSource(pathOrUrl: string | URL, options: StorageOptions = {}): Promise<ByteSource> {
  if (!isRemote(pathOrUrl)) return new FileSource(localPath(pathOrUrl));
  const { RemoteSource } = await import('./remote-source.js');
  const remote = await RemoteSource.open(String(pathOrUrl), options);
  if (!options.cache) return remote;
  const { CachedSource } = await import('./cached-source.js');
  return new CachedSource(remote, options.cache);
}
