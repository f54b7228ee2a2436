import { StorageError } from '../core/errors.js';
import { cloudOf } from './clouds/cloud-of.js';
import { hubLocation } from './hugging-face-location.js';
import { httpLocation, type RemoteLocation } from './remote-location.js';
import type { ResolvedStorageOptions } from './storage-options.js';
import { schemeOf } from './url-scheme.js';

/** The location of a URL: how to request it. @throws {@link StorageError} for an unknown scheme or a malformed URL. */
export function locationOf(
  url: string,
  options: Pick<ResolvedStorageOptions, 'headers' | 'token' | 'credentials' | 'endpoint' | 'requesterPays'>,
): RemoteLocation {
  const scheme = schemeOf(url);
  const cloud = cloudOf(scheme, options);
  if (cloud) return cloud.locationOf(cloud.address(cloud.parse(url)), url);
  switch (scheme) {
    case 'http':
    case 'https':
      if (!URL.canParse(url)) break;
      return httpLocation(new URL(url), options.headers);
    case 'hf':
      return hubLocation(url, options);
    default:
  }
  throw new StorageError(`Cannot read from ${scheme}: URLs of this form`, {
    where: { url },
    next: 'Name a path, or a URL that begins with file:, http:, https:, s3:, gs:, az: or hf:.',
  });
}
