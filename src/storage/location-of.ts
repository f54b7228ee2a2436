import { StorageError } from '../core/errors.js';
import { hubLocation } from './hugging-face-location.js';
import { httpLocation, type RemoteLocation } from './remote-location.js';
import { S3Service } from './s3-location.js';
import type { ResolvedStorageOptions } from './storage-options.js';
import { schemeOf } from './url-scheme.js';

/** The location of a URL: how to request it. @throws {@link StorageError} for an unknown scheme or a malformed URL. */
export function locationOf(
  url: string,
  { headers, token, credentials }: Pick<ResolvedStorageOptions, 'headers' | 'token' | 'credentials'>,
): RemoteLocation {
  switch (schemeOf(url)) {
    case 'http':
    case 'https':
      if (!URL.canParse(url)) break;
      return httpLocation(new URL(url), headers);
    case 's3':
      return new S3Service({ credentials }).location(url);
    case 'hf':
      return hubLocation(url, { token });
    default:
  }
  throw new StorageError(`Cannot read from ${schemeOf(url)}: URLs of this form`, {
    where: { url },
    next: 'Name a path, or a URL that begins with file:, http:, https:, s3: or hf:.',
  });
}
