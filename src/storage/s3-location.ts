import { AwsV4Signer } from 'aws4fetch';
import { StorageError } from '../core/errors.js';
import { environment } from '../core/platform.js';
import { shownLocation } from '../core/shown-location.js';
import { HeldCredentials } from './held-credentials.js';
import type { Secret } from './lent-secret.js';
import { parseUrl, type RemoteLocation } from './remote-location.js';
import type { S3Credentials } from './s3-credentials.js';

/** Address and credentials of an S3-compatible store. */
export interface S3Options {
  /** URL of the service. @defaultValue `AWS_ENDPOINT_URL_S3`, then `AWS_ENDPOINT_URL`, then Amazon's endpoint for the region */
  readonly endpoint?: string;
  /** @defaultValue `AWS_REGION`, then `AWS_DEFAULT_REGION`, then `us-east-1` */
  readonly region?: string;
  /**
   * @defaultValue `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; without these, requests are not signed,
   *   as for public buckets
   */
  readonly credentials?: Secret<S3Credentials> | undefined;
}

/** A bucket and a key in it. */
export interface S3Object {
  readonly bucket: string;
  readonly key: string;
}

/** Parses an `s3:` URL. @throws {@link StorageError} if it names no bucket. */
export function parseS3Url(url: string): S3Object {
  // Not `new URL`: a key may contain any character, and ? and # stand for themselves.
  const [, bucket, key = ''] = /^s3:\/\/([^/]+)(?:\/([\s\S]*))?$/i.exec(url) ?? [];
  if (bucket && !/[:@]/.test(bucket)) return { bucket, key };
  throw new StorageError('This is not the URL of an object in S3', {
    where: { url },
    next: 'Write s3://bucket/key; credentials go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  });
}

/** A write request. */
export interface S3Write {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  // `Uint8Array<ArrayBuffer>`, spelled for TypeScript before 5.7.
  readonly body?: ReturnType<typeof Uint8Array.of>;
}

/** An S3-compatible service. Requests are signed with AWS Signature Version 4. */
export class S3Service {
  readonly region: string;
  readonly #endpoint: string | undefined;
  /** Without them, the environment is read for each request: it may be renewed. */
  readonly #credentials: HeldCredentials | undefined;
  /** Signing keys derived from the secret, one per day. */
  readonly #derivedKeys = new Map<string, ArrayBuffer>();

  constructor({ endpoint, region, credentials }: S3Options = {}) {
    this.region = region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1';
    this.#endpoint = (endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL)?.replace(
      /\/+$/,
      '',
    );
    this.#credentials = credentials && HeldCredentials.of(credentials);
  }

  /**
   * The URL of an object, or of the bucket if the key is `''`. Amazon's bucket is part of the host name, unless a dot in it
   * would not match the certificate. With a custom endpoint, the bucket is the first part of the path.
   */
  address({ bucket, key }: S3Object): URL {
    const path = key.split('/').map(encodeKeyPart).join('/');
    if (this.#endpoint)
      return parseUrl(`${this.#endpoint}/${bucket}/${path}`, 'The address of the service (AWS_ENDPOINT_URL)');
    const host = `s3.${this.region}.amazonaws.com`;
    return parseUrl(
      bucket.includes('.') ? `https://${host}/${bucket}/${path}` : `https://${bucket}.${host}/${path}`,
      'The address of the bucket',
    );
  }

  /**
   * Makes a request, signed if there are credentials.
   *
   * @param datetime - Time of the signature: `20130524T000000Z`. @defaultValue now
   * @param write - What the request writes. @defaultValue nothing: it reads
   */
  async request(
    url: URL,
    headers: Readonly<Record<string, string>>,
    datetime?: string,
    write?: S3Write,
  ): Promise<Request> {
    return this.#sign(url, headers, await this.#currentCredentials(), datetime, write);
  }

  async #currentCredentials(): Promise<S3Credentials | undefined> {
    return this.#credentials ? this.#credentials.current() : credentialsOf(environment);
  }

  async #sign(
    url: URL,
    headers: Readonly<Record<string, string>>,
    credentials: S3Credentials | undefined,
    datetime?: string,
    write?: S3Write,
  ): Promise<Request> {
    if (!credentials) return new Request(url, { headers, ...write });
    const { region } = this;
    const signer = new AwsV4Signer({
      url: url.href,
      ...(write && { method: write.method }),
      headers: { ...headers },
      service: 's3',
      region,
      cache: this.#derivedKeys,
      ...(datetime && { datetime }),
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken && { sessionToken: credentials.sessionToken }),
    });
    const signed = await signer.sign();
    return new Request(signed.url, { ...write, method: signed.method, headers: signed.headers });
  }

  location(url: string): RemoteLocation {
    return this.locationOf(this.address(parseS3Url(url)), url);
  }

  /** @param url - The object or bucket, for messages. */
  locationOf(address: URL, url: string): RemoteLocation {
    const held = this.#credentials;
    let used: S3Credentials | undefined;
    return {
      name: shownLocation(url),
      request: async (headers) => {
        used = await this.#currentCredentials();
        return this.#sign(address, headers, used);
      },
      ...(held && { renew: async () => used && held.renew(used) }),
      accessAdvice:
        held || credentialsOf(environment)
          ? 'Check that these credentials may read the bucket (s3:GetObject, s3:ListBucket), and AWS_REGION.'
          : 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the request was not signed.',
    };
  }
}

function credentialsOf(env: typeof environment): S3Credentials | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return undefined;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  };
}

/** S3 escapes more characters than encodeURIComponent, and signs the escaped path. */
function encodeKeyPart(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
