import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { Access } from '../../dist/serve/access.js';
import { parseListen } from '../../dist/serve/listen-address.js';
import { runCommand } from '../cli/run-command.js';
import { LocalServer } from './local-server.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, ServeProcess, SocketFolder } from './server.js';

const sockets = new SocketFolder();
afterAll(() => sockets.remove());

describe('over TCP', () => {
  it('every request needs the token, and TLS hides it', async () => {
    const tls = { cert: readFileSync(fixture('cert.pem')), key: readFileSync(fixture('key.pem')) };
    const server = await LocalServer.start(fixture('others.js'), '127.0.0.1:0', {
      token: 'a-long-secret',
      tls,
    });
    const client = new PythonClient('values.py');
    const question = {
      address: server.address,
      loader: 'failing',
      limit: 2,
      certificate: fixture('cert.pem'),
    };
    expect(await client.ask({ ...question, options: { token: 'another-secret' } })).toMatchObject({
      code: 'ERR_MILLRACE_SERVE_TOKEN',
      message: expect.stringContaining('wrong'),
    });
    expect(await client.ask(question)).toMatchObject({ message: expect.stringContaining('MILLRACE_TOKEN') });
    const { batches, stats } = await client.values({ ...question, options: { token: 'a-long-secret' } });
    expect(batches[1]).toEqual({ i: [4, 5, 6, 7] });
    expect(stats.shared).toBe(0);
    await client.end();
    await server.end();
  });

  it('without a token only this machine can ask, and no page of another site', async () => {
    const server = await LocalServer.start(fixture('others.js'), '127.0.0.1:0', {
      allowOrigin: 'https://app.example',
    });
    expect((await ask(server.address, '/v1/loaders')).status).toBe(200);
    const foreign = await ask(server.address, '/v1/loaders', { Host: 'evil.example' });
    expect([foreign.status, foreign.body.toString()]).toEqual([
      401,
      expect.stringContaining('ERR_MILLRACE_SERVE_TOKEN'),
    ]);
    const { headers } = await ask(server.address, '/v1/loaders');
    expect(headers['access-control-allow-origin']).toBe('https://app.example');
    await server.end();
  });

  it('an address that other machines reach is refused without a token', () => {
    expect(() => new Access(parseListen('0.0.0.0:7070'), undefined)).toThrow(
      '--token: is needed for 0.0.0.0',
    );
    expect(() => new Access(parseListen('0.0.0.0:7070'), 'a-long-secret')).not.toThrow();
    expect(() => new Access(parseListen('localhost:7070'), undefined)).not.toThrow();
    expect(() => new Access(parseListen('0.0.0.0:7070'), 'short')).toThrow('8 or more');
    expect(() => parseListen('nowhere')).toThrow('unix:PATH or HOST:PORT');
    expect(() => parseListen(`unix:/${'long/'.repeat(40)}`)).toThrow('1 to 103 bytes');
  });
});

describe('millrace serve', () => {
  it('refuses an address in use, and takes over the socket of a server that was killed', async () => {
    const listen = sockets.socket('twice');
    const path = listen.slice('unix:'.length);
    const first = await ServeProcess.start(fixture('others.js'), listen);
    await expect(LocalServer.start(fixture('others.js'), listen)).rejects.toThrow(
      'Another server has this socket open',
    );
    await first.end('SIGKILL');
    expect(existsSync(path)).toBe(true);
    const second = await LocalServer.start(fixture('others.js'), listen);
    expect((await ask(second.address, '/v1/loaders')).status).toBe(200);
    await second.end();
    writeFileSync(path, 'a file of the user');
    await expect(LocalServer.start(fixture('others.js'), listen)).rejects.toThrow('not a socket');
  });

  it('says what is wrong with its arguments, before it opens data', async () => {
    const { status, stderr } = await runCommand([
      'serve',
      'absent.config.ts',
      '--tls-cert',
      fixture('cert.pem'),
    ]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--tls-key: is missing')]);
  });

  it('reserves shared memory or says how much is needed', async () => {
    const server = await LocalServer.start(fixture('others.js'), sockets.socket('memory'));
    const id = 'a-client-with-memory';
    const path = `/v1/clients/${id}`;
    const without = await ask(server.address, `${path}/memory`, {}, 'POST', '{"slots":2,"slotBytes":4096}');
    expect([without.status, without.body.toString()]).toEqual([409, expect.stringContaining('session')]);
    const socket = connect(server.address.slice('unix:'.length));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((settle) => socket.once('data', settle));
    const reserve = (slots: number, slotBytes: number) =>
      ask(server.address, `${path}/memory`, {}, 'POST', JSON.stringify({ slots, slotBytes }));
    const much = await reserve(1024, 4096 * 2 ** 28);
    expect(much.body.toString()).toMatch(/ERR_MILLRACE_STORAGE.*\/dev\/shm is too small.*--shm-size/);
    expect((await reserve(0, 4096)).status).toBe(400);
    expect((await reserve(2, 100)).status).toBe(400);
    expect((await reserve(2, 4096)).status).toBe(200);
    socket.destroy();
    await server.end();
  });

  it('the Python package comes with it', async () => {
    const { stdout } = await runCommand(['python', '--path']);
    expect(stdout.trim()).toMatch(/python$/);
  });
});
