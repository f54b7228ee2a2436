import { ConfigError, StorageError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import { environment } from '../../core/platform.js';
import { parseUrl, type RemoteLocation } from '../remote-location.js';
import { azureSignature } from './azure-signature.js';
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
import type { AzureCredentials, CloudCredentials } from './credentials.js';

/** The version of the service's interface; from 2019-12-12 on, one request stores up to 5,000 MiB. */
const version = '2021-12-02';

/** Azure Blob Storage: containers of one storage account. */
export class AzureService implements CloudService {
  readonly #endpoint: string;
  readonly #account: string;
  readonly #access: CloudAccess<AzureCredentials>;

  constructor({ endpoint, credentials, requesterPays }: CloudOptions = {}) {
    if (requesterPays)
      throw new ConfigError('Storage options', [
        {
          field: 'requesterPays',
          message: 'is not supported for az:, where the owner of the account always pays',
        },
      ]);
    const named = connection();
    const account = named.AccountName ?? environment.AZURE_STORAGE_ACCOUNT;
    const given = endpoint ?? named.BlobEndpoint;
    if (!given && !account)
      throw new ConfigError('Storage options', [
        {
          field: 'endpoint',
          message:
            'az: URLs need the storage account: set AZURE_STORAGE_ACCOUNT, or pass https://<account>.blob.core.windows.net',
        },
      ]);
    const suffix = named.EndpointSuffix ?? 'core.windows.net';
    this.#endpoint = (given ?? `https://${account}.blob.${suffix}`).replace(/\/+$/, '');
    this.#account = accountOf(this.#endpoint) ?? account ?? '';
    this.#access = new CloudAccess(rules, credentials);
  }

  parse(url: string): CloudObject {
    const object = objectOf(url, 'az', /[:@.]/);
    if (object) return object;
    throw new StorageError('This is not the URL of a blob in Azure', {
      where: { url },
      next: 'Write az://container/path; the account goes into AZURE_STORAGE_ACCOUNT.',
    });
  }

  address({ bucket, key }: CloudObject): URL {
    const path = key.split('/').map(encodeURIComponent).join('/');
    return parseUrl(
      `${this.#endpoint}/${bucket}${path && `/${path}`}`,
      'The address of the account (endpoint, AZURE_STORAGE_CONNECTION_STRING)',
    );
  }

  locationOf(address: URL, url: string, write?: CloudWrite): RemoteLocation {
    const role = write ? 'Storage Blob Data Contributor' : 'Storage Blob Data Reader';
    return signedLocation(
      url,
      this.#access,
      write,
      () => this.#access.advice(`${write ? 'write to' : 'read'} the container (role ${role})`),
      (headers, credentials) => this.#sign(address, { ...headers, ...write?.headers }, credentials, write),
    );
  }

  async #sign(
    address: URL,
    headers: Readonly<Record<string, string>>,
    credentials: AzureCredentials | undefined,
    write: CloudWrite | undefined,
  ): Promise<Request> {
    const all: Record<string, string> = { 'x-ms-version': version, ...headers };
    const url = new URL(address);
    if (credentials && 'accessToken' in credentials) all.authorization = `Bearer ${credentials.accessToken}`;
    if (credentials && 'sasToken' in credentials) {
      const token = credentials.sasToken.replace(/^\?/, '');
      url.search = url.search ? `${url.search}&${token}` : token;
    }
    if (credentials && 'accountKey' in credentials) {
      all['x-ms-date'] = new Date().toUTCString();
      const { method = 'GET', body } = write ?? {};
      const signature = await azureSignature(
        { method, url, headers: all, contentLength: body?.length ?? 0, account: this.#account },
        credentials.accountKey,
      );
      all.authorization = `SharedKey ${this.#account}:${signature}`;
    }
    return new Request(url, { ...write, headers: all });
  }
}

/** The account that an address names: in the host, or (of an emulator) in the path. */
function accountOf(endpoint: string): string | undefined {
  return (/^https?:\/\/([^./:]+)\.blob\./i.exec(endpoint) ??
    /^https?:\/\/[^/]+\/([^/]+)/i.exec(endpoint))?.[1];
}

/** The fields of `AZURE_STORAGE_CONNECTION_STRING`. */
function connection(): Readonly<
  Partial<
    Record<'AccountName' | 'AccountKey' | 'BlobEndpoint' | 'EndpointSuffix' | 'SharedAccessSignature', string>
  >
> {
  const text = environment.AZURE_STORAGE_CONNECTION_STRING ?? '';
  // Values may contain equals signs.
  return Object.fromEntries(
    text
      .split(';')
      .filter((part) => part.includes('='))
      .map((part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1).trim()]),
  );
}

const packageName = '@azure/identity';

const rules = {
  scheme: 'az',
  form: '{ accountKey }, { sasToken } or { accessToken }',
  variables: 'AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING',
  accepts: (given: CloudCredentials): given is AzureCredentials => !('secretAccessKey' in given),
  fromEnvironment: (): AzureCredentials | undefined => {
    const named = connection();
    const accountKey = named.AccountKey ?? environment.AZURE_STORAGE_KEY;
    if (accountKey) return { accountKey };
    const sasToken = named.SharedAccessSignature ?? environment.AZURE_STORAGE_SAS_TOKEN;
    return sasToken ? { sasToken } : undefined;
  },
  chain: new CredentialChain(packageName, async () => {
    const { DefaultAzureCredential } = await importPeer<typeof import('@azure/identity')>(
      packageName,
      'Searching for Azure credentials',
    );
    const found = await new DefaultAzureCredential().getToken('https://storage.azure.com/.default');
    return { accessToken: found.token, expiration: found.expiresOnTimestamp };
  }),
};
