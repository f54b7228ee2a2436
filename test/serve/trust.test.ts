import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../cli/run-command.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, ServeProcess, SocketFolder } from './server.js';

const sockets = new SocketFolder();
afterAll(() => sockets.remove());

describe('over TCP', () => {
  it('every request needs the token, and TLS hides it', async () => {
    const tls = ['--tls-cert', fixture('cert.pem'), '--tls-key', fixture('key.pem')];
    const server = await ServeProcess.start(
      fixture('others.js'),
      '127.0.0.1:0',
      '--token',
      'a-long-secret',
      ...tls,
    );
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
    const server = await ServeProcess.start(
      fixture('others.js'),
      '127.0.0.1:0',
      '--allow-origin',
      'https://app.example',
    );
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

  it('an address that other machines reach is refused without a token', async () => {
    const { status, stderr } = await runCommand(['serve', fixture('others.js'), '--listen', '0.0.0.0:0']);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--token: is needed for 0.0.0.0')]);
  });
});

describe('millrace serve', () => {
  it('refuses an address in use, and takes over the socket of a server that was killed', async () => {
    const listen = sockets.socket('twice');
    const first = await ServeProcess.start(fixture('others.js'), listen);
    const second = await runCommand(['serve', fixture('others.js'), '--listen', listen]);
    expect([second.status, second.stderr]).toEqual([
      1,
      expect.stringContaining('Another server has this socket open'),
    ]);
    await first.end('SIGKILL');
    const third = await ServeProcess.start(fixture('others.js'), listen);
    expect((await ask(third.address, '/v1/loaders')).status).toBe(200);
    await third.end();
    writeFileSync(listen.slice('unix:'.length), 'a file of the user');
    const fourth = await runCommand(['serve', fixture('others.js'), '--listen', listen]);
    expect(fourth.stderr).toContain('not a socket');
  });

  it('reserves shared memory or says how much is needed', async () => {
    const server = await ServeProcess.start(fixture('others.js'), sockets.socket('memory'));
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

  it('says what is wrong with its arguments', async () => {
    const wrong = async (...args: string[]) => (await runCommand(['serve', ...args])).stderr;
    expect(await wrong('absent.config.ts')).toContain('There is no such file');
    expect(await wrong(fixture('others.js'), '--listen', 'nowhere')).toContain('unix:PATH or HOST:PORT');
    expect(await wrong(fixture('others.js'), '--tls-cert', fixture('cert.pem'))).toContain(
      '--tls-key: is missing',
    );
    expect(await wrong(fixture('others.js'), '--token', 'short')).toContain('8 or more');
  });

  it('the Python package comes with it', async () => {
    const { stdout } = await runCommand(['python', '--path']);
    expect(stdout.trim()).toMatch(/python$/);
  });
});
