// Requests through node:http and node:https, which take the place of `fetch`.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type Reply, send } from '../../dist/storage/node-request.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Starts a server, and returns its port. */
async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return (server.address() as AddressInfo).port;
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://localhost:${await listen(createServer(listener))}/`;
}

const get = (url: string) => send(new Request(url), new AbortController().signal);

async function textOf({ body }: Reply): Promise<string> {
  const reader = body!.getReader();
  const pieces: Uint8Array[] = [];
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value!);
  return Buffer.concat(pieces).toString();
}

describe('a read through node:http', () => {
  it('is sent again on a new connection if the server closes the one that was kept', async () => {
    const requests: IncomingMessage[] = [];
    const url = await serve((request, response) => {
      requests.push(request);
      if (requests.length === 2) request.socket.resetAndDestroy();
      else response.end('content');
    });
    expect(await textOf(await get(url))).toBe('content');
    expect(await textOf(await get(url))).toBe('content');
    const [first, second, third] = requests.map(({ socket }) => socket);
    expect(requests).toHaveLength(3);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it('fails as fetch does if the server closes a new connection', async () => {
    let requests = 0;
    const url = await serve(({ socket }) => {
      requests += 1;
      socket.resetAndDestroy();
    });
    await expect(get(url)).rejects.toMatchObject({ name: 'TypeError', cause: { code: 'ECONNRESET' } });
    expect(requests).toBe(1);
  });

  it('fails as fetch does if the server closes the connection in the body', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('part', () => request.socket.resetAndDestroy());
    });
    const reply = await get(url);
    await expect(textOf(reply)).rejects.toMatchObject({ name: 'TypeError', message: 'terminated' });
  });

  it('is decoded if the server encodes it without being asked to', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync('content'));
    });
    expect(await textOf(await get(url))).toBe('content');
  });

  it('ends when it is aborted, before the response and in the body', async () => {
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const url = await serve((request, response) => {
      if (request.url === '/silent') asked();
      else response.write('part');
    });
    const silent = new AbortController();
    const waiting = send(new Request(`${url}silent`), silent.signal);
    await isAsked;
    silent.abort();
    await expect(waiting).rejects.toThrow(TypeError);
    const slow = new AbortController();
    const reader = (await send(new Request(url), slow.signal)).body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('part');
    slow.abort();
    await expect(reader.read()).rejects.toThrow(TypeError);
  });
});

describe('a read through node:https', () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
  const program = `
    import { openSource } from 'millrace/storage';
    const source = await openSource(process.argv[1], { retries: 0 });
    console.log(Buffer.from(await source.read(3, source.byteLength)).toString());
  `;
  /** Reads in a process of its own: Node.js reads certificates when it starts. */
  async function read(url: string, env: Readonly<Record<string, string>>): Promise<string> {
    const args = ['--input-type=module', '--eval', program, url];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      env: { ...process.env, ...env },
    });
    return stdout.trim();
  }

  it('trusts the certificates that Node.js is given, and no others', async () => {
    const [key, cert] = ['key', 'certificate'].map((name) => readFileSync(fixture(name)));
    const secure = createSecureServer({ key: key!, cert: cert! }, ({ headers }, response) => {
      const [, start = 0, end = 6] = /bytes=(\d+)-(\d+)/.exec(headers.range ?? '') ?? [];
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/7` });
      response.end('content'.slice(Number(start), Number(end) + 1));
    });
    const url = `https://localhost:${await listen(secure)}/file`;
    expect(await read(url, { NODE_EXTRA_CA_CERTS: fixture('certificate') })).toBe('tent');
    await expect(read(url, { NODE_EXTRA_CA_CERTS: '' })).rejects.toMatchObject({
      stderr: expect.stringMatching(/StorageError: Cannot (read|open) the object: .*certificate/),
    });
  });
});
