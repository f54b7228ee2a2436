import { openSource } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ObjectServer } from './object-server.js';

describe('hf: URLs', () => {
  const hub = new ObjectServer();
  const files = new ObjectServer();
  beforeAll(async () => {
    await Promise.all([hub.start(), files.start()]);
    const stored = files.put('/blob', Buffer.from('a parquet file'));
    hub.onRequest = (request, response) => {
      if (request.headers.authorization !== 'Bearer hf_secret') response.writeHead(401).end('Gated.');
      else response.writeHead(302, { location: stored }).end();
      return true;
    };
    vi.stubEnv('HF_ENDPOINT', hub.origin);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await Promise.all([hub.stop(), files.stop()]);
  });

  it('follow to where the file is, which does not get the token', async () => {
    vi.stubEnv('HF_TOKEN', 'hf_secret');
    const source = await openSource('hf://datasets/me/set@refs%2Fpr%2F1/data/my file.parquet');
    expect(Buffer.from(await source.read(2, source.byteLength)).toString()).toBe('parquet file');
    expect(hub.requests[0]!.url).toBe('/datasets/me/set/resolve/refs%2Fpr%2F1/data/my%20file.parquet');
    await openSource('hf://me/model/weights.safetensors');
    expect(hub.requests.at(-1)!.url).toBe('/me/model/resolve/main/weights.safetensors');
    expect(files.requests.map(({ headers }) => headers.authorization)).toEqual(
      files.requests.map(() => undefined),
    );
  });

  it('say what is missing when they are refused or malformed', async () => {
    vi.stubEnv('HF_TOKEN', '');
    await expect(openSource('hf://datasets/me/set/x')).rejects.toThrow(
      /Access is denied.*401.*Gated.*Set HF_TOKEN/,
    );
    await expect(openSource('hf://datasets')).rejects.toThrow(/not the URL of a file.*Write hf:/);
  });
});
