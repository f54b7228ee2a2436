import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as loaders from '../fixtures/serve/loaders.js';
import { searchSize } from '../setup/search-size.js';
import { digestOf } from './batch-digest.js';
import { type RunningPython, startPython } from './python.js';
import { PythonClient } from './python-client.js';
import { fixture, ServeProcess, SocketFolder } from './server.js';

const sockets = new SocketFolder();
let expected: string[];
beforeAll(async () => {
  expected = [];
  const loader = loaders.images;
  for await (const batch of loader.variant({})) expected.push(digestOf(batch));
});
afterAll(() => sockets.remove());

const serve = (name: string) => ServeProcess.start(fixture('loaders.js'), sockets.socket(name));
const run = (mode: string, server: { readonly address: string }, ...more: string[]): RunningPython =>
  startPython('life.py', [mode, server.address, 'images', ...more]);

/** The words after the first of each line that begins with it. */
function linesOf(stdout: string, word: string): string[] {
  return stdout
    .split('\n')
    .flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
}

/** Shared memory that a process has open. */
function memoryOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return target.startsWith('/dev/shm/millrace-') ? [target] : [];
    } catch {
      return [];
    }
  });
}

const named = () => readdirSync('/dev/shm').filter((name) => name.startsWith('millrace-'));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((settle) => setTimeout(settle, 5));
}

const killedServers = searchSize({ short: 2, long: 200 });
const killedTrainers = searchSize({ short: 8, long: 200 });

describe('a server that is killed', () => {
  it('ends the trainer with a clear error, and a restart resumes exactly', async () => {
    let server = await serve('killed');
    const trainer = run('resume', server, '1');
    await trainer.line('half');
    await server.end('SIGKILL');
    trainer.write('go on\n');
    expect(await trainer.line('lost')).toMatch(
      /ERR_MILLRACE_SERVER_LOST .*does not answer.*resume from a saved state/,
    );
    expect(named()).toEqual([]);
    server = await serve('killed');
    trainer.write('again\n');
    // The new loader stands at the same step.
    await trainer.line('half');
    trainer.write('go on\n');
    const { stdout, stderr } = await trainer.ended;
    expect(linesOf(stdout, 'batch'), stderr).toEqual(expected);
    await server.end();
  });

  it(`resumes exactly after ${killedServers} kills at any moment`, async () => {
    const trainer = startPython('life.py', ['endless', sockets.socket('kills'), 'images']);
    for (let kill = 0; kill < killedServers; kill++) {
      const server = await serve('kills');
      trainer.write('go on\n');
      await trainer.count('batch', trainer.counted('batch') + 1 + ((kill * 7) % 12));
      await server.end('SIGKILL');
      await trainer.count('lost', kill + 1);
    }
    trainer.endInput();
    const { stdout } = await trainer.ended;
    const seen = linesOf(stdout, 'batch');
    const loader = loaders.images.variant({});
    const due: string[] = [];
    while (due.length < seen.length) for await (const batch of loader) due.push(digestOf(batch));
    expect(seen).toEqual(due.slice(0, seen.length));
  });

  it('is waited for with a longer retry_seconds: the trainer sees nothing of a restart', async () => {
    let server = await serve('restart');
    const trainer = run('ride', server);
    await trainer.line('half');
    await server.end('SIGKILL');
    server = await serve('restart');
    trainer.write('go on\n');
    const { stdout, stderr } = await trainer.ended;
    expect(linesOf(stdout, 'batch'), stderr).toEqual(expected);
    await server.end();
  });
});

describe('a server that is stopped', () => {
  it('is an error after a while without a sign of life', async () => {
    const server = await serve('stopped');
    const trainer = run('silent', server);
    await trainer.line('half');
    server.signal('SIGSTOP');
    trainer.write('go on\n');
    expect(await trainer.line('lost')).toContain('no heartbeat for 0.2 seconds');
    server.signal('SIGCONT');
    await server.end('SIGKILL');
  });
});

describe('trainers of one server', () => {
  let server: ServeProcess;
  beforeAll(async () => {
    server = await serve('trainers');
  });
  afterAll(() => server.end());

  it('a trainer that is stopped continues where it was, and the others are not affected', async () => {
    const trainer = run('stopped', server);
    await trainer.line('half');
    trainer.kill('SIGSTOP');
    const other = new PythonClient();
    expect((await other.read({ address: server.address, loader: 'images' })).digests).toEqual(expected);
    await other.end();
    trainer.kill('SIGCONT');
    trainer.write('go on\n');
    const { stdout, stderr } = await trainer.ended;
    expect(linesOf(stdout, 'batch'), stderr).toEqual(expected);
  });

  it(`${killedTrainers} trainers that are killed leave nothing behind`, async () => {
    const { status, stderr } = await run('killed', server, `${killedTrainers}`).ended;
    expect(status, stderr).toBe(0);
    await until(() => memoryOf(server.pid).length === 0);
    expect(named()).toEqual([]);
    const other = new PythonClient();
    expect((await other.read({ address: server.address, loader: 'images' })).digests).toEqual(expected);
    await other.end();
  });

  it('memory lives as long as the trainer, without a name', async () => {
    const trainer = run('held', server);
    await trainer.line('half');
    expect(memoryOf(server.pid)).toHaveLength(1);
    expect(named()).toEqual([]);
    trainer.kill('SIGKILL');
    await trainer.ended;
    await until(() => memoryOf(server.pid).length === 0);
  });

  it('a trainer that forks: both processes continue to read, and earlier batches stay as they were', async () => {
    const { stdout, stderr } = await run('forked', server).ended;
    expect(linesOf(stdout, 'parent')[0]?.split(' '), stderr).toEqual(expected);
    expect(linesOf(stdout, 'child')[0]?.split(' '), stderr).toEqual(expected);
    expect(Number(linesOf(stdout, 'shared')[0])).toBeGreaterThan(0);
  });

  it('slots that run out are an error that names the batches, and freed ones are used again', async () => {
    const { stdout, stderr } = await run('leaking', server).ended;
    expect(linesOf(stdout, 'error')[0], stderr).toMatch(
      /ERR_MILLRACE_SLOTS_EXHAUSTED .*All 5 slots .*epoch 0 step \d\.0 \(.*image.*\).*slots=/,
    );
    expect(linesOf(stdout, 'free')).toEqual(['5']);
    const [step, last] = linesOf(stdout, 'kept')[0]!.split(' ');
    expect(last).toBe(expected[Number(step) - 1]);
    expect(linesOf(stdout, 'rest')[0]!.split(' ')).toEqual(expected.slice(Number(step)));
  });

  it("does not register memory with Python's resource tracker", async () => {
    const { stdout, stderr } = await run('tracked', server).ended;
    expect(stdout, stderr).toMatch(/^shared [1-9]\d* tracker None/);
    expect(stderr).toBe('');
  });
});
