import { StorageError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import { environment } from '../../core/platform.js';
import { parseUrl, type RemoteLocation } from '../remote-location.js';
import { CloudAccess } from './cloud-access.js';
import {
  type CloudObject,
  type CloudOptions,
  type CloudService,
  type CloudWrite,
  objectOf,
  signedLocation,
} from './cloud-service.js';
import { CredentialChain } from './credential-chain.js';
import type { CloudCredentials, S3Credentials } from './credentials.js';
import { S3Signer } from './s3-signer.js';

/** Address and credentials of an S3-compatible store. The endpoint's variables are `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL`. */
export interface S3Options extends CloudOptions {
  /** @defaultValue `AWS_REGION`, then `AWS_DEFAULT_REGION`, then `us-east-1` */
  readonly region?: string;
}

/** An S3-compatible service. Requests are signed with AWS Signature Version 4. */
export class S3Service implements CloudService {
  readonly region: string;
  readonly #endpoint: string | undefined;
  readonly #access: CloudAccess<S3Credentials>;
  readonly #headers: Readonly<Record<string, string>>;
  /** Signing keys derived from the secret, one per day. */
  readonly #derivedKeys = new Map<string, ArrayBuffer>();

  constructor({ endpoint, region, credentials, requesterPays }: S3Options = {}) {
    this.region = region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1';
    this.#endpoint = (endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL)?.replace(
      /\/+$/,
      '',
    );
    this.#access = new CloudAccess(rules, credentials);
    this.#headers = requesterPays ? { 'x-amz-request-payer': 'requester' } : {};
  }

  parse(url: string): CloudObject {
    return parseS3Url(url);
  }

  /**
   * The URL of an object, or of the bucket if the key is `''`. Amazon's bucket is part of the host name, unless a dot in it
   * would not match the certificate. With a custom endpoint, the bucket is the first part of the path.
   */
  address({ bucket, key }: CloudObject): URL {
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
    write?: CloudWrite,
  ): Promise<Request> {
    return this.#sign(url, headers, await this.#access.current(), datetime, write);
  }

  async #sign(
    url: URL,
    headers: Readonly<Record<string, string>>,
    credentials: S3Credentials | undefined,
    datetime?: string,
    write?: CloudWrite,
  ): Promise<Request> {
    const all = { ...this.#headers, ...headers, ...write?.headers };
    if (!credentials) return new Request(url, { ...write, headers: all });
    const { region } = this;
    const signer = new S3Signer({
      url: url.href,
      ...(write && { method: write.method }),
      headers: all,
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

  locationOf(address: URL, url: string, write?: CloudWrite): RemoteLocation {
    const permissions = write
      ? 'write to the bucket (s3:PutObject), and AWS_REGION'
      : 'read the bucket (s3:GetObject, s3:ListBucket), and AWS_REGION';
    return signedLocation(
      url,
      this.#access,
      write,
      () => this.#access.advice(permissions),
      (headers, credentials) => this.#sign(address, headers, credentials, undefined, write),
    );
  }
}

/** Parses an `s3:` URL. @throws {@link StorageError} if it names no bucket. */
export function parseS3Url(url: string): CloudObject {
  const object = objectOf(url, 's3');
  if (object) return object;
  throw new StorageError('This is not the URL of an object in S3', {
    where: { url },
    next: 'Write s3://bucket/key; credentials go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  });
}

const packageName = '@aws-sdk/credential-providers';

const rules = {
  scheme: 's3',
  form: '{ accessKeyId, secretAccessKey }',
  variables: 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  accepts: (given: CloudCredentials): given is S3Credentials => 'secretAccessKey' in given,
  fromEnvironment: (): S3Credentials | undefined => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
    if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return undefined;
    return {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
    };
  },
  chain: new CredentialChain(packageName, async () => {
    const { fromNodeProviderChain } = await importPeer<typeof import('@aws-sdk/credential-providers')>(
      packageName,
      'Searching for AWS credentials',
    );
    return fromNodeProviderChain({ ignoreCache: true })();
  }),
};

/** S3 escapes more characters than encodeURIComponent, and signs the escaped path. */
function encodeKeyPart(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
