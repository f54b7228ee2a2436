import { existsSync, readdirSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientSession } from '../../dist/serve/client-session.js';
import * as loaders from '../fixtures/serve/loaders.js';
import { digestOf } from './batch-digest.js';
import { LocalServer } from './local-server.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, ServeProcess, SocketFolder } from './server.js';

const jobs = loaders;
type Job = keyof typeof jobs;

const sockets = new SocketFolder();
let server: LocalServer;
let client: PythonClient;
beforeAll(async () => {
  server = await LocalServer.start(fixture('loaders.js'), sockets.socket('jobs'));
  client = new PythonClient();
});
afterAll(async () => {
  await client.end();
  await server.end();
  sockets.remove();
});

/** What Node.js delivers in some epochs, for a rank. */
async function digestsInNode(job: Job, epochs: number, rank = 0, worldSize = 1): Promise<string[]> {
  const loader = jobs[job].variant({ rank, worldSize });
  const digests: string[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for await (const batch of loader) digests.push(digestOf(batch));
  return digests;
}

describe('millrace serve', () => {
  it.each(['tokens', 'images', 'tuning'] as const)(
    '%s: Python gets the bytes of Node.js, over the socket and in shared memory',
    async (job) => {
      const expected = await digestsInNode(job, 2);
      expect(expected.length).toBeGreaterThan(10);
      const { address } = server;
      const shared = await client.read({ address, loader: job, epochs: 2 });
      const overSocket = await client.read({
        address,
        loader: job,
        epochs: 2,
        options: { shared_memory: false },
      });
      expect(shared.digests).toEqual(expected);
      expect(overSocket.digests).toEqual(expected);
      expect(shared.stats.shared).toBeGreaterThan(expected.length - 9);
      expect(overSocket.stats.shared).toBe(0);
    },
  );

  it('gives each rank its share, on one server and at the same time', async () => {
    const other = new PythonClient();
    const read = (rank: number, by: PythonClient) =>
      by.read({ address: server.address, loader: 'images', options: { rank, world_size: 2 } });
    const [first, second] = await Promise.all([read(0, client), read(1, other)]);
    await other.end();
    expect(first.digests).toEqual(await digestsInNode('images', 1, 0, 2));
    expect(second.digests).toEqual(await digestsInNode('images', 1, 1, 2));
  });

  it('resumes in Python from a state of Node.js, and in Node.js from a state of Python', async () => {
    const expected = await digestsInNode('tokens', 1);
    const loader = jobs.tokens.variant({});
    const before = loader[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) await before.next();
    const state = loader.stateDict();
    const resumed = await client.read({ address: server.address, loader: 'tokens', state });
    expect(resumed.digests).toEqual(expected.slice(3));

    const left = await client.read({ address: server.address, loader: 'tokens', limit: 5 });
    const again = jobs.tokens.variant({});
    again.loadStateDict(left.state);
    const rest: string[] = [];
    for await (const batch of again) rest.push(digestOf(batch));
    expect(rest).toEqual(expected.slice(5));
  });

  it('ends an epoch in the state: the next iteration is the next epoch', async () => {
    const whole = await client.read({ address: server.address, loader: 'images', epochs: 1 });
    expect(whole.state).toMatchObject({ epoch: 1, step: 0, microBatch: 0 });
    const next = await client.read({ address: server.address, loader: 'images', state: whole.state });
    expect(next.digests).toEqual((await digestsInNode('images', 2)).slice(whole.digests.length));
  });

  it('refuses a state of another loader, and names what differs', async () => {
    const { state } = await client.read({ address: server.address, loader: 'images', limit: 1 });
    expect(await client.ask({ address: server.address, loader: 'tuning', state })).toMatchObject({
      code: 'ERR_MILLRACE_STATE_MISMATCH',
      where: { field: expect.stringMatching(/batchSize|dataset/) },
    });
  });

  it('says what is wrong with a request, with code and place', async () => {
    const { address } = server;
    const code = async (path: string, headers = {}) => {
      const { status, body } = await ask(address, path, headers);
      return [status, (JSON.parse(body.toString()) as { error: { code: string } }).error.code];
    };
    expect(await code('/v1/loaders/absent')).toEqual([404, 'ERR_MILLRACE_SERVE_NOT_FOUND']);
    expect(await code('/v1/loaders/images/0/x/0')).toEqual([400, 'ERR_MILLRACE_CONFIG']);
    expect(await code('/v1/loaders/images/0/0/1')).toEqual([400, 'ERR_MILLRACE_CONFIG']);
    expect(await code('/v1/loaders/images/0/0/0?rank=2&world=2')).toEqual([400, 'ERR_MILLRACE_CONFIG']);
    expect(await code('/v1/loaders/images?world=9')).toEqual([400, 'ERR_MILLRACE_CONFIG']);
    expect(await code('/v1/loaders/images/0/0/0', { 'Millrace-Fingerprint': 'other' })).toEqual([
      409,
      'ERR_MILLRACE_SERVE_FINGERPRINT',
    ]);
    expect(await code('/etc/passwd')).toEqual([404, 'ERR_MILLRACE_SERVE_NOT_FOUND']);
    expect(await code('/v1/clients/short')).toEqual([400, 'ERR_MILLRACE_CONFIG']);
    const absent = await client.ask({ address, loader: 'absent' });
    expect(absent).toMatchObject({
      code: 'ERR_MILLRACE_SERVE_NOT_FOUND',
      message: expect.stringContaining('images, tokens, tuning'),
    });
  });

  it('answers a request again with the same bytes, in any order', async () => {
    const read = async (step: number) => (await ask(server.address, `/v1/loaders/images/3/${step}/0`)).body;
    const once = await Promise.all([5, 0, 3, 4].map(read));
    const again = await Promise.all([3, 4, 5, 0].map(read));
    expect(again[2]!.equals(once[0]!)).toBe(true);
    expect(again[3]!.equals(once[1]!)).toBe(true);
    expect(again[0]!.equals(once[2]!)).toBe(true);
    expect(once[0]!.equals(once[1]!)).toBe(false);
  });

  it('says that an epoch has ended', async () => {
    const { status, headers } = await ask(server.address, '/v1/loaders/images/0/8/0');
    expect([status, headers['millrace-outcome']]).toEqual([204, 'end']);
  });

  it('lets a client have 16 requests in flight, and no more', async () => {
    const session = new ClientSession(
      'a-client-in-a-hurry',
      { name: 'a test', address: 'unix socket' },
      () => {},
    );
    const leave = Array.from({ length: 16 }, () => session.enter());
    expect(leave.every(Boolean)).toBe(true);
    expect(session.enter()).toBeUndefined();
    leave[3]!();
    expect(session.enter()).toBeDefined();
    await session.end();
  });

  it('makes a socket that only its user can open, and removes it at the end', async () => {
    const own = await ServeProcess.start(fixture('loaders.js'), sockets.socket('own'));
    const path = own.address.slice('unix:'.length);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await own.end('SIGINT')).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('leaves nothing in /dev/shm', () => {
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith('millrace-'))).toEqual([]);
  });
});
