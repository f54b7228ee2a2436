// The clouds' own packages search for credentials where none are given: here in files, at a metadata server and at an identity endpoint.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSource } from 'millrace/storage';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { ObjectServer } from './object-server.js';

const server = new ObjectServer();
/** What the store accepts. */
let accepted = /./;
/** The answer of the metadata server or identity endpoint, if the request is for it. */
let token: Readonly<Record<string, string | number>> = {};
let folder = '';
beforeAll(async () => {
  await server.start();
  folder = mkdtempSync(join(tmpdir(), 'millrace-chains-'));
  server.put('/bucket/k', Buffer.from('content'));
  server.onRequest = (request, response) => {
    if (/service-accounts|api-version/.test(request.url!)) {
      response
        .writeHead(200, { 'metadata-flavor': 'Google', 'content-type': 'application/json' })
        .end(JSON.stringify(token));
      return true;
    }
    if (accepted.test(request.headers.authorization ?? 'none')) return false;
    response.writeHead(403).end('<Error><Message>Refused.</Message></Error>');
    return true;
  };
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.requests.length = 0;
});
afterEach(() => vi.unstubAllEnvs());

it('AWS: keys of a profile, and those that replace them in the file during the run', async () => {
  const file = join(folder, 'credentials');
  const write = (key: string) =>
    writeFileSync(file, `[training]\naws_access_key_id = ${key}\naws_secret_access_key = SECRET\n`);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_PROFILE', 'training');
  vi.stubEnv('AWS_ENDPOINT_URL', server.origin);
  write('KEY1');
  accepted = /Credential=KEY1\//;
  const source = await openSource('s3://bucket/k');
  write('KEY2');
  accepted = /Credential=KEY2\//;
  expect(Buffer.from(await source.read(0, 7)).toString()).toBe('content');
  expect(server.requests).toHaveLength(3);
});

it('AWS: none are found, so the request is not signed, and the message says why', async () => {
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'));
  vi.stubEnv('AWS_PROFILE', 'other');
  vi.stubEnv('AWS_ENDPOINT_URL', server.origin);
  accepted = /none/;
  expect((await openSource('s3://bucket/k')).byteLength).toBe(7);
  accepted = /never/;
  await expect(openSource('s3://bucket/k', { retries: 0 })).rejects.toThrow(
    /Set AWS_ACCESS_KEY_ID.*@aws-sdk\/credential-providers says: /,
  );
});

it('Google: the service account of a metadata server, asked again before its token expires', async () => {
  vi.stubEnv('GCE_METADATA_HOST', server.origin.slice('http://'.length));
  vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
  token = { access_token: 'ya29.first', expires_in: 60, token_type: 'Bearer' };
  accepted = /^Bearer ya29\.first$/;
  const source = await openSource('gs://bucket/k', { endpoint: server.origin });
  token = { access_token: 'ya29.second', expires_in: 3_600, token_type: 'Bearer' };
  accepted = /^Bearer ya29\.second$/;
  await source.read(0, 1);
  const asked = server.requests.length;
  await source.read(0, 1);
  expect(server.requests).toHaveLength(asked + 1);
});

it('Azure: a managed identity', async () => {
  vi.stubEnv('AZURE_TOKEN_CREDENTIALS', 'ManagedIdentityCredential');
  vi.stubEnv('IDENTITY_ENDPOINT', `${server.origin}/identity`);
  vi.stubEnv('IDENTITY_HEADER', 'header');
  const expires = Math.round(Date.now() / 1_000) + 3_600;
  token = { access_token: 'eyJ.one', expires_on: String(expires), resource: 'storage', token_type: 'Bearer' };
  accepted = /^Bearer eyJ\.one$/;
  const source = await openSource('az://bucket/k', { endpoint: server.origin });
  expect(Buffer.from(await source.read(0, 7)).toString()).toBe('content');
});
