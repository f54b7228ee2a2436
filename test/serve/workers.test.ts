import { afterAll, beforeAll, expect, it } from 'vitest';
import { LocalServer } from './local-server.js';
import { ask, fixture, SocketFolder } from './server.js';

const sockets = new SocketFolder();
let server: LocalServer;
beforeAll(async () => {
  server = await LocalServer.start(fixture('workers.js'), sockets.socket('workers'));
});
afterAll(async () => {
  await server.end();
  sockets.remove();
});

/** The numbers of a field of a batch. */
function numbersOf(body: Buffer, field: string): number[] {
  const headerEnd = 8 + Number(body.readBigUInt64LE(0));
  const header = JSON.parse(body.subarray(8, headerEnd).toString()) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const [start, end] = header[field]!.data_offsets;
  return Array.from(
    new Float32Array(
      body.buffer.slice(body.byteOffset + headerEnd + start, body.byteOffset + headerEnd + end),
    ),
  );
}

/** What one client gets of an epoch, asking for one batch after the other. */
async function read(rank: number): Promise<{ samples: number[]; threads: number[] }> {
  const headers = { 'millrace-client': `a-client-of-rank-${rank}-of-two` };
  const [samples, threads]: number[][] = [[], []];
  for (let step = 0; step < 16; step++) {
    const { status, body } = await ask(
      server.address,
      `/v1/loaders/train/0/${step}/0?rank=${rank}&world=2`,
      headers,
    );
    expect(status).toBe(200);
    samples!.push(...numbersOf(body, 'i'));
    threads!.push(...numbersOf(body, 'thread'));
  }
  return { samples: samples!, threads: threads! };
}

it('the ranks and clients of one server share the workers of a loader', async () => {
  const [first, second] = await Promise.all([read(0), read(1)]);
  expect([...first.samples, ...second.samples].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 64 }, (_, i) => i),
  );
  const threads = new Set([...first.threads, ...second.threads]);
  expect(threads.has(0)).toBe(false);
  expect(threads.size).toBe(2);
});
