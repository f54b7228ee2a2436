import { CapabilityError } from '../core/errors.js';
import { isNode } from '../core/platform.js';
import type { ByteSource } from './byte-source.js';
import { FileSource } from './file-source.js';
import type { KnownVersion } from './listed-object.js';
import { localPath } from './local-path.js';
import type { StorageOptions } from './storage-options.js';
import { isRemote, schemeOf } from './url-scheme.js';

/**
 * Opens a byte source by name: the path of a local file, or a URL.
 *
 * | URL | |
 * |---|---|
 * | `file:` | a local file |
 * | `http:`, `https:` | ranges of an object; `options.headers` are sent along |
 * | `s3://bucket/key` | Amazon S3 or a compatible store: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` and so on |
 * | `gs://bucket/key` | Google Cloud Storage, with `options.credentials` or Google's default credentials |
 * | `az://container/path` | Azure Blob Storage of the account in `AZURE_STORAGE_ACCOUNT` or `options.endpoint` |
 * | `opfs:///folder/file` | a file of the page's origin private file system, in browsers |
 * | `hf://datasets/user/name@revision/path` | the Hugging Face Hub, with the token in `HF_TOKEN` |
 *
 * @throws {@link StorageError} if it cannot be opened or the URL's scheme is not supported.
 */
export function openSource(pathOrUrl: string | URL, options?: StorageOptions): Promise<ByteSource>;
/** @internal */
export function openSource(
  pathOrUrl: string | URL,
  options: StorageOptions | undefined,
  known: KnownVersion | undefined,
): Promise<ByteSource>;
export async function openSource(
  pathOrUrl: string | URL,
  options: StorageOptions = {},
  known?: KnownVersion,
): Promise<ByteSource> {
  if (!isRemote(pathOrUrl)) return new FileSource(localPath(pathOrUrl));
  if (schemeOf(String(pathOrUrl)) === 'opfs') {
    const { openPrivateFile } = await import('./private-file.js');
    return openPrivateFile(String(pathOrUrl));
  }
  if (options.cache && !isNode) {
    throw new CapabilityError('The option cache needs a disk, which a browser does not offer', {
      where: { url: String(pathOrUrl) },
      next: 'Omit cache: the browser has a cache of its own. Or store the file in the origin private file system.',
    });
  }
  const { RemoteSource } = await import('./remote-source.js');
  const remote = await RemoteSource.open(String(pathOrUrl), options, known);
  if (!options.cache) return remote;
  const { CachedSource } = await import('./cached-source.js');
  return new CachedSource(remote, options.cache);
}
