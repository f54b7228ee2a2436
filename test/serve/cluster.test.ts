// Several servers of one configuration behind an ordinary load balancer: nginx where it is installed, otherwise a small one.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { images } from '../fixtures/serve/loaders.js';
import { digestOf } from './batch-digest.js';
import { LocalServer } from './local-server.js';
import { startPython } from './python.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, ServeProcess, SocketFolder } from './server.js';

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/opt/homebrew/bin/nginx'].find((path) =>
  existsSync(path),
);

/** A load balancer over unix sockets. */
interface Balancer {
  readonly address: string;
  end(): Promise<void>;
}

/** Takes the servers in turn, and the next one when a connection fails. */
async function startSmall(paths: readonly string[]): Promise<Balancer> {
  let turn = 0;
  const server: Server = createServer((asked, answer) => {
    const first = turn++;
    const pass = (attempt: number): void => {
      const socketPath = paths[(first + attempt) % paths.length]!;
      const { method, url, headers } = asked;
      const sent = request({ socketPath, method, path: url, headers }, (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
        response.on('error', () => answer.destroy());
      });
      sent.on('error', () => {
        if (answer.headersSent) answer.destroy();
        else if (attempt + 1 < paths.length) pass(attempt + 1);
        else answer.writeHead(502).end();
      });
      answer.on('close', () => sent.destroy());
      asked.pipe(sent);
    };
    pass(0);
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((opened) => server.listen(0, '127.0.0.1', opened));
  const { port } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${port}`,
    end: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function startNginx(paths: readonly string[]): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), 'mr-nginx-'));
  const probe = createServer();
  await new Promise<void>((opened) => probe.listen(0, '127.0.0.1', opened));
  const { port } = probe.address() as { port: number };
  await new Promise((closed) => probe.close(closed));
  const upstreams = paths.map((path) => `server unix:${path};`).join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream millrace { ${upstreams} }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://millrace; proxy_http_version 1.1; proxy_buffering off; }
  }
}`,
  );
  const child: ChildProcess = spawn(nginx!, ['-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdio: 'ignore',
  });
  const ended = new Promise((settle) => child.on('close', settle));
  const isOpen = () =>
    new Promise<boolean>((settle) => {
      const socket = connect(port, '127.0.0.1', () => settle(socket.destroy() && true));
      socket.on('error', () => settle(false));
    });
  while (!(await isOpen())) await new Promise((settle) => setTimeout(settle, 10));
  return {
    address: `127.0.0.1:${port}`,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe(`two servers behind ${nginx ? 'nginx' : 'a small load balancer, because nginx is not installed,'}`, () => {
  const sockets = new SocketFolder();
  let doomed: ServeProcess;
  let other: LocalServer;
  let balancer: Balancer;
  let expected: string[];
  beforeAll(async () => {
    doomed = await ServeProcess.start(fixture('loaders.js'), sockets.socket('a'));
    other = await LocalServer.start(fixture('loaders.js'), sockets.socket('b'));
    const paths = [doomed, other].map(({ address }) => address.slice('unix:'.length));
    balancer = nginx ? await startNginx(paths) : await startSmall(paths);
    expected = [];
    for await (const batch of images.variant({})) expected.push(digestOf(batch));
  });
  afterAll(async () => {
    await balancer.end();
    await other.end();
    sockets.remove();
  });

  it('answer requests in turn with the same batches', async () => {
    const client = new PythonClient();
    expect((await client.read({ address: balancer.address, loader: 'images' })).digests).toEqual(expected);
    await client.end();
    const ids = new Set<unknown>();
    for (let k = 0; k < 4; k++)
      ids.add((await ask(balancer.address, '/v1/loaders')).headers['millrace-server']);
    expect(ids.size).toBe(2);
  });

  it('one of which is killed in mid-epoch give the same batches', async () => {
    const trainer = startPython('life.py', ['stopped', balancer.address, 'images']);
    await trainer.line('half');
    await doomed.end('SIGKILL');
    trainer.write('go on\n');
    const { stdout, stderr } = await trainer.ended;
    const digests = stdout.split('\n').flatMap((line) => (line.startsWith('batch ') ? [line.slice(6)] : []));
    expect(digests, stderr).toEqual(expected);
  });
});
