import { shownLocation } from '../../core/shown-location.js';
import type { Secret } from '../lent-secret.js';
import type { RemoteLocation } from '../remote-location.js';
import type { CloudAccess } from './cloud-access.js';
import type { CloudCredentials } from './credentials.js';

/** Address and credentials of a cloud service. */
export interface CloudOptions {
  /** URL of the service. @defaultValue the cloud's variable in the environment, then its public address */
  readonly endpoint?: string | undefined;
  /** @defaultValue those of the environment, then those of the cloud's standard chain; without any, requests are not signed */
  readonly credentials?: Secret<CloudCredentials> | undefined;
  /** Whether the requester pays; for Google, the project that pays. @defaultValue `false` */
  readonly requesterPays?: boolean | string | undefined;
}

/** A bucket (Azure: a container) and a key in it. */
export interface CloudObject {
  readonly bucket: string;
  readonly key: string;
}

/** A write request. */
export interface CloudWrite {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  // `Uint8Array<ArrayBuffer>`, spelled for TypeScript before 5.7.
  readonly body?: ReturnType<typeof Uint8Array.of>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A cloud that stores objects. */
export interface CloudService {
  /** Parses a URL of this cloud. @throws {@link StorageError} if it names no bucket */
  parse(url: string): CloudObject;
  /** The URL of an object, or of the bucket if the key is `''`. */
  address(object: CloudObject): URL;
  /**
   * How to request an address.
   *
   * @param url - The object or bucket, for messages.
   * @param write - What the request writes. @defaultValue nothing: it reads
   */
  locationOf(address: URL, url: string, write?: CloudWrite): RemoteLocation;
}

/**
 * Splits a URL of the form `scheme://bucket/key`. A key may contain any character, so this is not `new URL`: ? and # stand for themselves.
 *
 * @param refused - Characters that no bucket has.
 * @returns `undefined` for another scheme, or without a bucket
 */
export function objectOf(url: string, scheme: string, refused = /[:@]/): CloudObject | undefined {
  const [, bucket, key = ''] = new RegExp(`^${scheme}://([^/]+)(?:/([\\s\\S]*))?$`, 'i').exec(url) ?? [];
  return bucket && !refused.test(bucket) ? { bucket, key } : undefined;
}

/** A location whose requests `sign` makes with the current credentials. */
export function signedLocation<C extends CloudCredentials>(
  url: string,
  access: CloudAccess<C>,
  write: CloudWrite | undefined,
  advice: () => string,
  sign: (headers: Readonly<Record<string, string>>, credentials: C | undefined) => Promise<Request> | Request,
): RemoteLocation {
  // Requests that are on their way at the same time may have different credentials.
  const usedBy = new WeakMap<Request, C>();
  return {
    name: shownLocation(url),
    ...(write && { verb: 'write' as const }),
    request: async (headers) => {
      const credentials = await access.current();
      const request = await sign(headers, credentials);
      if (credentials) usedBy.set(request, credentials);
      return request;
    },
    renew: (refused) => access.renew(usedBy.get(refused)),
    get accessAdvice() {
      return advice();
    },
  };
}
