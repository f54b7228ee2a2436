// The server of the live page, accessed as browsers, scrapers and other runs do.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get as httpGet, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { DataLoader } from 'millrace';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { report } from '../../../dist/monitor/dashboard/neighbor-client.js';
import type { BoardMessage } from '../../../dist/monitor/dashboard/run-board.js';
import { batchesOf, range } from '../../loader/collect.js';
import { WatchedRun } from './watched-run.js';

const runs: WatchedRun[] = [];
async function start(options: object = {}): Promise<WatchedRun> {
  const run = await WatchedRun.start(options);
  runs.push(run);
  return run;
}
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.kill()));
});

/** One run for all tests that leave it as it is. */
let common: Promise<WatchedRun> | undefined;
function shared(): Promise<WatchedRun> {
  common ??= WatchedRun.start({ stepMs: 50 });
  return common;
}
afterAll(async () => (await common)?.kill());

function ask(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    httpGet(url, { headers }, (response) => {
      let body = '';
      response.on('data', (piece) => {
        body += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }));
    }).on('error', reject);
  });
}

/** Reads event-stream messages until one satisfies a condition. */
async function until(
  url: string,
  found: (messages: readonly BoardMessage[]) => boolean,
): Promise<BoardMessage[]> {
  const messages: BoardMessage[] = [];
  const response = await fetch(url);
  let text = '';
  for await (const piece of response.body!.pipeThrough(
    new TextDecoderStream() as never,
  ) as unknown as AsyncIterable<string>) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, type, data] = /event: (\w+)\ndata: (.*)/.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (type) messages.push({ type, ...JSON.parse(data!) } as BoardMessage);
    }
    if (found(messages)) return messages;
  }
  throw new Error('the stream ended');
}

/** Runs that a page would show after these messages, by rank, with their status. */
function statusesIn(messages: readonly BoardMessage[]): [rank: number, status: string][] {
  const runs = new Map<string, [number, string]>();
  for (const message of messages) {
    if (message.type === 'update') {
      const { key, status } = message.update;
      runs.set(key, [runs.get(key)![0], status]);
      continue;
    }
    if (message.type === 'board') runs.clear();
    for (const { facts, status } of message.type === 'board' ? message.runs : [message.run])
      runs.set(facts.key, [facts.rank, status]);
  }
  return [...runs.values()].sort(([a], [b]) => a - b);
}

function ranksIn(messages: readonly BoardMessage[]): number[] {
  return statusesIn(messages).map(([rank]) => rank);
}

describe('the server of the live page', () => {
  it('sends a page a full view first, then changes while the run lasts', async () => {
    const { url } = await shared();
    const messages = await until(`${url}events`, (all) => {
      const figures = all.flatMap((message) =>
        message.type === 'update' ? [message.update.figures!.batches] : [],
      );
      return figures.length > 3 && all.some((message) => message.type === 'update' && message.update.peek);
    });
    expect(messages[0]!.type).toBe('board');
    const batches = messages.flatMap((message) =>
      message.type === 'update' ? [message.update.figures!.batches] : [],
    );
    expect(batches).toEqual([...batches].sort((a, b) => a - b));
    expect(batches.at(-1)).toBeGreaterThan(batches[0]!);
  });

  it('serves a page that can run its own script and reach nothing else', async () => {
    const { url } = await shared();
    const { status, body, headers } = await ask(url);
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'sha256-/);
    expect(body).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(body).not.toContain('@import');
  });

  it('serves Prometheus', async () => {
    const { url } = await shared();
    await until(`${url}events`, (all) =>
      all.some((message) => message.type === 'update' && message.update.figures!.batches > 0),
    );
    const { status, body, headers } = await ask(`${url}metrics`);
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('version=0.0.4');
    expect(body).toMatch(/^millrace_samples_total\{rank="0",run="\d+\.0"\} [1-9]\d*$/m);
  });

  it('accepts connections from this machine only, and under loopback names only', async () => {
    const { url, port } = await shared();
    expect(new URL(url).hostname).toBe('127.0.0.1');
    for (const path of ['', 'events', 'metrics']) {
      const { status, body } = await ask(`${url}${path}`, { host: `attacker.example:${port}` });
      expect([path, status]).toEqual([path, 403]);
      expect(body).toContain('on this machine only');
    }
    expect((await ask(url, { host: `localhost:${port}` })).status).toBe(200);
  });

  it('requires the token in the URL if others can reach it', async () => {
    const { url, port } = await start({ host: '0.0.0.0' });
    const token = new URL(url).searchParams.get('token');
    expect(token).toMatch(/^[\w-]{22}$/);
    for (const query of ['', '?token=', '?token=wrong', `?token=${token}x`])
      expect((await ask(`http://127.0.0.1:${port}/${query}`)).status).toBe(403);
    for (const path of ['', 'metrics']) {
      expect((await ask(`http://127.0.0.1:${port}/${path}?token=${token}`)).status).toBe(200);
      expect((await ask(`http://127.0.0.1:${port}/${path}`)).status).toBe(403);
    }
  });

  it('shows ranks together with a token too: that of the run that serves the page', async () => {
    const first = await start({ host: '0.0.0.0', rank: 0, worldSize: 2 });
    const second = await start({ host: '0.0.0.0', port: first.port, rank: 1, worldSize: 2 });
    expect(new URL(second.url).search).toBe('');
    const events = first.url.replace('/?', '/events?');
    await until(events, (all) => ranksIn(all).join() === '0,1');
  });

  it('accepts reports from other runs on this machine, and no reports that a web page could send', async () => {
    const { port } = await shared();
    const post = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request(
          { port, host: '127.0.0.1', path: '/neighbor', method: 'POST', headers },
          (response) => {
            response.resume();
            resolve(response.statusCode!);
          },
        );
        sent.on('error', reject);
        sent.end('{"runs":[],"updates":[]}');
      });
    expect(await post({ 'x-millrace-run': '1' })).toBe(200);
    expect(await post({})).toBe(405);
    expect(await post({ 'x-millrace-run': '1', origin: 'https://attacker.example' })).toBe(405);
  });
});

describe('the ranks of a machine', () => {
  it('share one page, whichever started first', async () => {
    const first = await start({ rank: 1, worldSize: 2 });
    const second = await start({ rank: 0, worldSize: 2, port: first.port });
    expect(second.url).toBe(first.url);
    const messages = await until(`${first.url}events`, (all) => {
      const updated = new Set(
        all.flatMap((message) => (message.type === 'update' ? [message.update.key] : [])),
      );
      return updated.size === 2;
    });
    expect(ranksIn(messages)).toEqual([0, 1]);
  });

  it('keep their page when the run that serves it is killed: another takes over with all data', async () => {
    const first = await start({ rank: 0, worldSize: 4 });
    await start({ rank: 1, worldSize: 4, port: first.port });
    // Two finished runs without news; whichever takes over, the other must report in full again.
    await start({ rank: 2, worldSize: 4, port: first.port, batches: 5 });
    await start({ rank: 3, worldSize: 4, port: first.port, batches: 5 });
    await until(
      `${first.url}events`,
      (all) =>
        ranksIn(all).length === 4 &&
        statusesIn(all).filter(([, status]) => status === 'finished').length === 2,
    );
    await first.kill();
    let messages: BoardMessage[] = [];
    // No run serves the page for a moment.
    while (messages.length === 0)
      messages = await until(`${first.url}events`, (all) => ranksIn(all).join() === '1,2,3').catch(() => []);
    expect(statusesIn(messages)).toEqual([
      [1, 'running'],
      [2, 'finished'],
      [3, 'finished'],
    ]);
  });

  it('that are killed are reported lost', async () => {
    const first = await start({ rank: 0, worldSize: 2 });
    const second = await start({ rank: 1, worldSize: 2, port: first.port });
    await until(`${first.url}events`, (all) => ranksIn(all).length === 2);
    await second.kill();
    await until(`${first.url}events`, (all) =>
      all.some((message) => message.type === 'update' && message.update.status === 'lost'),
    );
  });
});

describe('a run with a token', () => {
  const token = 'a-long-secret-token';
  const shown = (page: WatchedRun) => `${page.url.replace(/\/(\?|$)/, '/events$1')}`;

  it('shares a page with a run that has the same token', async () => {
    const first = await start({ token, rank: 0, worldSize: 2 });
    const second = await start({ token, port: first.port, rank: 1, worldSize: 2 });
    expect(second.url).toBe(first.url);
    await until(shown(first), (all) => ranksIn(all).join() === '0,1');
  });

  it.each([
    ['has no token', {}],
    ['has a different token', { token: 'some-other-secret' }],
  ])('does not join a page that %s, and continues without one', async (_, options) => {
    const open = await start(options);
    const warned = once(process, 'warning');
    const loader = new DataLoader(range(40), { batchSize: 8, dashboard: { port: open.port, token } });
    expect(await batchesOf(loader)).toHaveLength(5);
    const [warning] = (await warned) as [Error];
    expect(warning.message).toContain(
      `port ${open.port} is in use by the page of a run with a different token or none`,
    );
    await loader.close();
    // Its runs report in order, so an earlier report would have arrived by now.
    const late = await start({ ...options, port: open.port, rank: 1, worldSize: 2 });
    const messages = await until(shown(open), (all) => ranksIn(all).includes(1));
    expect(JSON.stringify(messages)).not.toContain('ArrayDataset');
    await late.kill();
  });

  it('sends nothing about itself to a program that cannot prove it knows the token, even after a page that could', async () => {
    const heard: string[] = [];
    const answers = { server: 'x', watched: true, proof: 'x' };
    const other = createServer((asked, response) => {
      asked.on('data', (piece) => heard.push(String(piece)));
      asked.on('end', () => response.end(JSON.stringify(answers)));
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    expect(await report({ host: '127.0.0.1', port, token }, { runs: [], updates: [] })).toBe('stranger');
    // A proof for a different port: a program that relays the challenge to the real page.
    const page = await start({ token });
    other.removeAllListeners('request');
    other.on('request', (asked, response) => {
      const passed = request(
        {
          port: page.port,
          host: '127.0.0.1',
          path: '/neighbor',
          method: 'POST',
          headers: { 'x-millrace-run': '1' },
        },
        (answer) => answer.pipe(response),
      );
      asked.on('data', (piece) => heard.push(String(piece)));
      asked.pipe(passed);
    });
    expect(await report({ host: '127.0.0.1', port, token }, { runs: [], updates: [] })).toBe('stranger');
    expect(heard.map((text) => Object.keys(JSON.parse(text) as object))).toEqual([
      ['challenge'],
      ['challenge'],
    ]);
    expect(heard.join()).not.toContain(token);
    other.close();
  });
});

describe('a page under a flood of connections', () => {
  it.each([{}, { host: '0.0.0.0' }])('limits connections, and the run continues (%j)', async (options) => {
    const run = await start(options);
    // Connections beyond the limit are closed; without the token all are.
    const most = 'host' in options ? 0 : 24;
    const sockets: Socket[] = [];
    await new Promise<void>((resolve) => {
      let closed = 0;
      for (let k = 0; k < 400; k++) {
        const socket = connect(run.port, '127.0.0.1', () =>
          socket.write('GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
        );
        socket.on('error', () => {}).resume();
        socket.on('close', () => {
          if (++closed === 400 - most) resolve();
        });
        sockets.push(socket);
      }
    });
    expect(sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(most);
    for (const socket of sockets) socket.destroy();
    const events = run.url.replace(/\/(\?|$)/, '/events$1');
    let messages: BoardMessage[] = [];
    while (messages.length === 0)
      messages = await until(events, (all) => all.some(({ type }) => type === 'update')).catch(() => []);
    expect(statusesIn(messages)).toEqual([[0, 'running']]);
  });

  it.each([
    ['invalid JSON', 'x'],
    ['an invalid run', '{"runs":[{"facts":{"key":"<b>"}}]}'],
    ['an invalid update', '{"updates":[{"key":"1.0","status":"constructor"}]}'],
    ['keys that every object has', '{"runs":[{"__proto__":{"facts":1}}],"updates":[{"__proto__":1}]}'],
    ['null', 'null'],
  ])('rejects a report with %s', async (_, body) => {
    const { port } = await shared();
    const status = await new Promise((resolve, reject) => {
      const sent = request(
        { port, host: '127.0.0.1', path: '/neighbor', method: 'POST', headers: { 'x-millrace-run': '1' } },
        (response) => resolve(response.resume().statusCode),
      );
      sent.on('error', reject).end(body);
    });
    expect(status).not.toBe(200);
  });
});

describe('a run', () => {
  it('continues without a page, with a warning, if another program has the port', async () => {
    const other = createServer((_, response) => response.end('something else')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const warned = once(process, 'warning');
    const loader = new DataLoader(range(40), { batchSize: 8, dashboard: { port } });
    expect(await batchesOf(loader)).toHaveLength(5);
    const [warning] = (await warned) as [Error & { code: string }];
    expect(warning.code).toBe('MILLRACE_DASHBOARD');
    expect(warning.message).toContain(`port ${port} is in use by another program`);
    await loader.close();
    other.close();
  });

  it('does not wait for its page at the end of the process', async () => {
    const program = `
      import { ArrayDataset, DataLoader } from 'millrace';
      const loader = new DataLoader(new ArrayDataset([1, 2, 3]), { dashboard: { port: 0 } });
      for await (const _ of loader);`;
    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    expect(stderr).toMatch(/^Watch this run at http:\/\/127\.0\.0\.1:\d+\/\n$/);
  });

  it.each([
    [{ port: -1 }, 'dashboard.port: must be 0 or more'],
    [{ prt: 7000 }, 'dashboard.prt: unknown option'],
    ['yes', 'must be true, false or an options object'],
    [{ token: 'short' }, 'dashboard.token: must have 8 characters or more'],
  ])('rejects dashboard: %j', (dashboard, message) => {
    expect(() => new DataLoader(range(4), { dashboard: dashboard as never })).toThrow(message);
  });
});
