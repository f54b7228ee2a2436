import { ConfigError, StorageError } from '../../core/errors.js';
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
import type { AccessToken, CloudCredentials } from './credentials.js';

/** Google Cloud Storage through its XML API, which lists, reads and uploads as S3 does, with an access token. */
export class GoogleService implements CloudService {
  readonly #endpoint: string;
  readonly #access: CloudAccess<AccessToken>;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ endpoint, credentials, requesterPays }: CloudOptions = {}) {
    const given = endpoint ?? environment.STORAGE_EMULATOR_HOST;
    const url = given && !given.includes('://') ? `http://${given}` : given;
    this.#endpoint = (url ?? 'https://storage.googleapis.com').replace(/\/+$/, '');
    this.#access = new CloudAccess(rules, credentials);
    if (requesterPays === true)
      throw new ConfigError('Storage options', [
        { field: 'requesterPays', message: 'for gs: must be the name of the project that pays' },
      ]);
    this.#headers = requesterPays ? { 'x-goog-user-project': requesterPays } : {};
  }

  parse(url: string): CloudObject {
    const object = objectOf(url, 'gs');
    if (object) return object;
    throw new StorageError('This is not the URL of an object in Google Cloud Storage', {
      where: { url },
      next: 'Write gs://bucket/key; an access token goes into the option credentials.',
    });
  }

  address({ bucket, key }: CloudObject): URL {
    const path = key.split('/').map(encodeURIComponent).join('/');
    return parseUrl(
      `${this.#endpoint}/${bucket}/${path}`,
      'The address of the service (STORAGE_EMULATOR_HOST)',
    );
  }

  locationOf(address: URL, url: string, write?: CloudWrite): RemoteLocation {
    const permissions = write
      ? 'write to the bucket (storage.objects.create, storage.objects.delete)'
      : 'read the bucket (storage.objects.get, storage.objects.list)';
    return signedLocation(
      url,
      this.#access,
      write,
      () => this.#access.advice(permissions),
      (headers, credentials) =>
        new Request(address, {
          ...write,
          headers: {
            ...this.#headers,
            ...(credentials && { authorization: `Bearer ${credentials.accessToken}` }),
            ...headers,
            ...write?.headers,
          },
        }),
    );
  }
}

const packageName = 'google-auth-library';

const rules = {
  scheme: 'gs',
  form: '{ accessToken }',
  variables: 'CLOUDSDK_AUTH_ACCESS_TOKEN',
  accepts: (given: CloudCredentials): given is AccessToken => 'accessToken' in given,
  fromEnvironment: (): AccessToken | undefined => {
    const { CLOUDSDK_AUTH_ACCESS_TOKEN: accessToken } = environment;
    return accessToken ? { accessToken } : undefined;
  },
  chain: new CredentialChain(packageName, async () => {
    // An emulator takes no credentials.
    if (environment.STORAGE_EMULATOR_HOST) return undefined;
    const { GoogleAuth } = await importPeer<typeof import('google-auth-library')>(
      packageName,
      'Searching for Google credentials',
    );
    const scopes = ['https://www.googleapis.com/auth/devstorage.read_write'];
    const client = await new GoogleAuth({ scopes }).getClient();
    const { token } = await client.getAccessToken();
    if (!token) return undefined;
    return { accessToken: token, expiration: client.credentials.expiry_date ?? undefined };
  }),
};
