import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectChangedError } from 'millrace/errors';
import { listFiles, openSource } from 'millrace/storage';
import S3rver from 's3rver';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { S3Service } from '../../dist/storage/clouds/s3-service.js';
import { credentials, S3Server } from './s3-server.js';

function useStore(endpoint: string, { accessKeyId, secretAccessKey } = credentials): void {
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
}
afterEach(() => vi.unstubAllEnvs());

describe('S3Service', () => {
  // Examples from Amazon's documentation of Signature Version 4 for S3 ("Authenticating Requests: Using the Authorization Header").
  const published = new S3Service({
    region: 'us-east-1',
    credentials: {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
  });
  it.each([
    ['?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['?max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ])('signs %s as Amazon publishes it', async (query, signature) => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const url = new URL(`https://examplebucket.s3.amazonaws.com/${query}`);
    const { headers } = await published.request(url, { 'x-amz-content-sha256': empty }, '20130524T000000Z');
    expect(headers.get('authorization')).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
    );
  });

  it('names the bucket in the host, or in the path where that is needed', () => {
    const key = 'a b/ü+(1).bin';
    expect(new S3Service({ region: 'eu-west-1' }).address({ bucket: 'b', key }).href).toBe(
      'https://b.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC%2B%281%29.bin',
    );
    expect(new S3Service({ region: 'eu-west-1' }).address({ bucket: 'b.c', key: 'k' }).href).toBe(
      'https://s3.eu-west-1.amazonaws.com/b.c/k',
    );
    expect(new S3Service({ endpoint: 'http://[::1]:9000/' }).address({ bucket: 'b', key: 'k' }).href).toBe(
      'http://[::1]:9000/b/k',
    );
  });
});

describe('a store that checks signatures, pages its lists and honours If-Match', () => {
  const server = new S3Server();
  const keys = [
    'text/a b.txt',
    'text/ü+(1)?#.txt',
    'text/c.txt',
    'text/deep/d.txt',
    'text/e.txt',
    'other/f.txt',
    'text/g.bin',
  ];
  beforeAll(async () => {
    await server.start();
    for (const key of keys) server.put(`/bucket/${key}`, Buffer.from(`content of ${key}`));
  });
  afterAll(() => server.stop());

  it('takes signed requests, of any key', async () => {
    useStore(server.origin);
    for (const key of ['text/a b.txt', 'text/c.txt']) {
      const source = await openSource(`s3://bucket/${key}`);
      expect(Buffer.from(await source.read(8, source.byteLength)).toString()).toBe(`of ${key}`);
    }
  });

  it('refuses another secret, and the message says what to check', async () => {
    useStore(server.origin, { ...credentials, secretAccessKey: 'wrong' });
    const opening = openSource('s3://bucket/text/c.txt');
    await expect(opening).rejects.toThrow(/Access is denied.*403.*Signatures differ.*s3:GetObject/);
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    await expect(openSource('s3://bucket/text/c.txt')).rejects.toThrow(/Set AWS_ACCESS_KEY_ID/);
  });

  it('lists folders and patterns over as many pages as there are', async () => {
    useStore(server.origin);
    expect(await listFiles('s3://bucket/text/')).toEqual(
      keys
        .filter((key) => key.startsWith('text/'))
        .map((key) => `s3://bucket/${key}`)
        .sort(),
    );
    expect(await listFiles('s3://bucket/text/*.txt')).toHaveLength(4);
    expect(await listFiles('s3://bucket/**/*.txt')).toHaveLength(6);
    expect(await listFiles('s3://bucket/text/{c,e}.txt')).toEqual([
      's3://bucket/text/c.txt',
      's3://bucket/text/e.txt',
    ]);
    await expect(listFiles('s3://bucket/none/*.txt')).rejects.toThrow(/Nothing matches.*none/);
  });

  it('says that an object was changed', async () => {
    useStore(server.origin);
    const source = await openSource('s3://bucket/text/c.txt');
    server.put('/bucket/text/c.txt', Buffer.from('CONTENT of text/c.txt'));
    await expect(source.read(0, 4)).rejects.toThrow(ObjectChangedError);
  });
});

describe('s3rver', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
  const store = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: [{ name: 'shards', configs: [] }],
  });
  let endpoint = '';
  const content = Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251);
  beforeAll(async () => {
    const { port } = (await store.run()) as AddressInfo;
    endpoint = `http://127.0.0.1:${port}`;
    const service = new S3Service({
      endpoint,
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    });
    for (const key of ['train/0.bin', 'train/1.bin']) {
      const signed = await service.request(service.address({ bucket: 'shards', key }), {});
      const put = await fetch(signed.url, { method: 'PUT', body: content });
      expect(put.status).toBe(200);
    }
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  it('gives ranges, streams and lists', async () => {
    useStore(endpoint, { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' });
    const source = await openSource('s3://shards/train/1.bin');
    expect(source.byteLength).toBe(content.length);
    expect(Buffer.compare(await source.read(4_999_000, 5_000_000), content.subarray(4_999_000))).toBe(0);
    const pieces: Uint8Array[] = [];
    for await (const piece of source.stream(1_000)) pieces.push(piece);
    expect(Buffer.compare(Buffer.concat(pieces), content.subarray(1_000))).toBe(0);
    expect(await listFiles('s3://shards/train/')).toEqual([
      's3://shards/train/0.bin',
      's3://shards/train/1.bin',
    ]);
  });
});
