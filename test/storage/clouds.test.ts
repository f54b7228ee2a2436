// Google Cloud Storage and Azure beside S3: stand-in servers check who asks, in the ways that the clouds document.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectChangedError, type StorageError } from 'millrace/errors';
import { JsonlDataset } from 'millrace/formats';
import { listFiles, openObjectStore, openSource, type StorageOptions } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AzureServer, azureKey, GoogleServer } from './cloud-servers.js';
import { ObjectServer } from './object-server.js';

const secrets = /SECRET/;
const google = new GoogleServer();
const azure = new AzureServer();
let folder = '';
beforeAll(async () => {
  await Promise.all([google.start(), azure.start()]);
  folder = mkdtempSync(join(tmpdir(), 'millrace-clouds-'));
});
afterAll(async () => {
  await Promise.all([google.stop(), azure.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const keys = [
  'text/a b.txt',
  'text/c.txt',
  'text/deep/d.txt',
  'text/ü+(1)?#&%.txt',
  'text/e.txt',
  'other/f.txt',
];
beforeEach(() => {
  google.objects.clear();
  azure.objects.clear();
  for (const key of keys) {
    google.put(`/bucket/${key}`, Buffer.from(`content of ${key}`));
    azure.put(`/account/bucket/${key}`, Buffer.from(`content of ${key}`));
  }
  google.requests.length = azure.requests.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  google.payer = undefined;
});

const text = async (url: string, options: StorageOptions = {}) => {
  const source = await openSource(url, options);
  return Buffer.from(await source.read(0, source.byteLength)).toString();
};

interface Case {
  readonly cloud: string;
  readonly how: string;
  readonly server: () => GoogleServer | AzureServer;
  readonly root: string;
  readonly options: () => StorageOptions;
}
const cases: readonly Case[] = [
  {
    cloud: 'gs',
    how: 'a token',
    server: () => google,
    root: '/bucket',
    options: () => ({ endpoint: google.origin, credentials: { accessToken: google.token } }),
  },
  ...(
    [
      ['a key', { accountKey: azureKey }],
      ['a shared access signature', { sasToken: '?sv=1&sig=SECRETSIG%3D' }],
      ['a token', { accessToken: 'eyJ.SECRETTOKEN' }],
    ] as const
  ).map(([how, credentials]) => ({
    cloud: 'az',
    how,
    server: () => azure,
    root: '/account/bucket',
    options: () => ({ endpoint: azure.endpoint, credentials }),
  })),
];

describe.each(cases)('$cloud: $how', ({ cloud, server, root, options }) => {
  const all = () => ({ ...options(), retries: 2 });

  it('reads ranges of any key', async () => {
    for (const key of keys) expect(await text(`${cloud}://bucket/${key}`, all())).toBe(`content of ${key}`);
    const source = await openSource(`${cloud}://bucket/text/c.txt`, all());
    expect(Buffer.from(await source.read(3, 7)).toString()).toBe('tent');
  });

  it('lists over as many pages as there are, and asks for nothing that the list says', async () => {
    azure.put('/account/bucket/text/x.folder', Buffer.alloc(0));
    expect(await listFiles(`${cloud}://bucket/text/`, all())).toEqual(
      keys
        .filter((key) => key.startsWith('text/'))
        .map((key) => `${cloud}://bucket/${key}`)
        .sort(),
    );
    expect(await listFiles(`${cloud}://bucket/**/[cf].txt`, all())).toHaveLength(2);
    await expect(listFiles(`${cloud}://bucket/none/*.txt`, all())).rejects.toThrow(/Nothing matches/);
    server().put(`${root}/rows/0.jsonl`, Buffer.from('{"i":0}\n{"i":1}\n'));
    server().put(`${root}/rows/1.jsonl`, Buffer.from('{"i":2}\n'));
    server().requests.length = 0;
    const dataset = await JsonlDataset.open(`${cloud}://bucket/rows/*.jsonl`, all());
    expect(await Promise.all([0, 1, 2].map((i) => dataset.get(i)))).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    expect(server().requests.filter(({ url }) => /list/.test(url))).toHaveLength(1);
    // What the list says is not asked for: no request for the first two bytes.
    expect(server().requests.filter(({ headers }) => headers.range === 'bytes=0-1')).toHaveLength(0);
  });

  it('retries what fails for a while, and notices a change', async () => {
    server().faults.push({ type: 'status', status: 503 }, { type: 'drop', after: 4 });
    expect(await text(`${cloud}://bucket/text/c.txt`, all())).toBe('content of text/c.txt');
    const source = await openSource(`${cloud}://bucket/text/c.txt`, all());
    server().put(`${root}/text/c.txt`, Buffer.from('CONTENT of text/c.txt'));
    await expect(source.read(0, 4)).rejects.toThrow(ObjectChangedError);
  });

  it('stores, replaces and removes objects, and uploads large files in parts', async () => {
    const store = await openObjectStore(`${cloud}://bucket/some/prefix`, { ...all(), partBytes: 1_000 });
    expect(await store.open('parts/a b')).toBeUndefined();
    await store.put('parts/a b', Buffer.from('one'));
    await store.put('parts/a b', Buffer.from('another'));
    const large = Buffer.from(Uint8Array.from({ length: 2_500 }, (_, i) => i % 251));
    writeFileSync(join(folder, 'large'), large);
    await store.putFile('large', join(folder, 'large'));
    const source = (await store.open('large'))!;
    expect(Buffer.compare(await source.read(0, source.byteLength), large)).toBe(0);
    expect(await text(`${cloud}://bucket/some/prefix/parts/a b`, all())).toBe('another');
    await store.remove('parts/');
    await store.remove('parts/a b');
    expect(await listFiles(`${cloud}://bucket/some/`, all())).toEqual([
      `${cloud}://bucket/some/prefix/large`,
    ]);
  });

  it('shows no secret when it is refused, whatever the server repeats', async () => {
    const wrong = Object.fromEntries(
      Object.keys(options().credentials!).map((name) => [name, btoa(`SECRET${name}`)]),
    ) as never;
    for (const work of [
      () => openSource(`${cloud}://bucket/text/c.txt`, { ...all(), credentials: wrong }),
      () => listFiles(`${cloud}://bucket/text/`, { ...all(), credentials: wrong }),
    ]) {
      const error = (await work().catch((thrown: unknown) => thrown)) as StorageError;
      expect(error.message).toMatch(/Access is denied.*(401|403).*these credentials may read/);
      const shown = String(error) + JSON.stringify(error) + error.stack;
      for (const secret of [secrets, ...Object.values<string>(wrong).map((value) => new RegExp(value))])
        expect(shown).not.toMatch(secret);
    }
  });

  it('calls a function again before it expires and once after a refusal', async () => {
    let asked = 0;
    const good = options().credentials;
    const bad = Object.fromEntries(Object.keys(good!).map((name) => [name, btoa('old')])) as never;
    const credentials = () => (asked++ === 0 ? bad : good) as never;
    expect(await text(`${cloud}://bucket/text/c.txt`, { ...all(), credentials })).toMatch(/content/);
    expect(asked).toBe(2);
  });

  it('does not send the secret to where it is redirected', async () => {
    const elsewhere = await new ObjectServer().start();
    elsewhere.put('/moved', Buffer.from('moved content'));
    const answer = server().onRequest!;
    server().onRequest = (_, response) => {
      response.writeHead(307, { location: `${elsewhere.origin}/moved` }).end();
      return true;
    };
    try {
      expect(await text(`${cloud}://bucket/text/c.txt`, all())).toBe('moved content');
      expect(JSON.stringify(elsewhere.requests)).not.toMatch(/SECRET|authorization|x-ms-|x-goog-/);
    } finally {
      server().onRequest = answer;
      await elsewhere.stop();
    }
  });
});

describe('options of clouds', () => {
  it.each([
    ['gs://b/k', { requesterPays: true }, /requesterPays: for gs: must be the name of the project/],
    [
      'az://b/k',
      { endpoint: 'https://a.blob.core.windows.net', requesterPays: true },
      /requesterPays: is not supported/,
    ],
    ['az://b/k', {}, /endpoint: az: URLs need the storage account/],
    ['gs://b/k', { endpoint: 'nowhere' }, /endpoint: must be an http: or https: URL/],
    ['gs://b/k', { credentials: { accountKey: 'x' } }, /credentials: for gs: must be \{ accessToken \}/],
    ['s3://b/k', { credentials: { accessToken: 'x' } }, /credentials: for s3: must be \{ accessKeyId/],
    [
      'az://b/k',
      { endpoint: 'http://h/a', credentials: { accountKey: '%' } },
      /accountKey must be the base64 text/,
    ],
    ['gs:///k', {}, /not the URL of an object in Google Cloud Storage/],
    ['az://a.blob.core.windows.net/k', { endpoint: 'http://h/a' }, /Write az:\/\/container\/path/],
  ] as const)('of %s %j are checked', async (url, options, message) => {
    await expect(openSource(url, { retries: 0, ...options } as StorageOptions)).rejects.toThrow(message);
  });

  it('let the requester pay', async () => {
    google.payer = 'my-project';
    const options = { endpoint: google.origin, credentials: { accessToken: google.token }, retries: 0 };
    await expect(text('gs://bucket/text/c.txt', options)).rejects.toThrow(/requester pays bucket/);
    expect(await text('gs://bucket/text/c.txt', { ...options, requesterPays: 'my-project' })).toMatch(
      /content/,
    );
    const s3 = await new ObjectServer().start();
    s3.put('/bucket/k', Buffer.from('x'));
    const credentials = { accessKeyId: 'KEY', secretAccessKey: 'SECRET' };
    await openSource('s3://bucket/k', { endpoint: s3.origin, credentials, requesterPays: true });
    const { headers } = s3.requests[0]!;
    expect(headers['x-amz-request-payer']).toBe('requester');
    expect(String(headers.authorization)).toMatch(/SignedHeaders=[^,]*x-amz-request-payer/);
    await s3.stop();
  });

  it('are read from the environment', async () => {
    vi.stubEnv('STORAGE_EMULATOR_HOST', google.origin.slice('http://'.length));
    vi.stubEnv('CLOUDSDK_AUTH_ACCESS_TOKEN', google.token);
    expect(await text('gs://bucket/text/c.txt')).toMatch(/content/);
    vi.stubEnv(
      'AZURE_STORAGE_CONNECTION_STRING',
      `AccountName=account;AccountKey=${azureKey};BlobEndpoint=${azure.endpoint};`,
    );
    expect(await text('az://bucket/text/c.txt')).toMatch(/content/);
    vi.stubEnv('AZURE_STORAGE_CONNECTION_STRING', '');
    vi.stubEnv('AZURE_STORAGE_SAS_TOKEN', 'sv=1&sig=SECRETSIG%3D');
    expect(await text('az://bucket/text/c.txt', { endpoint: azure.endpoint })).toMatch(/content/);
    vi.stubEnv('AZURE_STORAGE_KEY', azureKey);
    expect(await text('az://bucket/text/c.txt', { endpoint: azure.endpoint })).toMatch(/content/);
  });

  it('detect objects that Google decompresses in transit, whose ranges are of other bytes', async () => {
    const answer = google.onRequest!;
    google.onRequest = (_, response) => {
      response.writeHead(200, { 'x-goog-stored-content-encoding': 'gzip' }).end('longer than what is stored');
      return true;
    };
    try {
      const options = { endpoint: google.origin, credentials: { accessToken: google.token } };
      await expect(text('gs://bucket/text/c.txt', options)).rejects.toThrow(/compressed.*gzip/);
    } finally {
      google.onRequest = answer;
    }
  });
});
