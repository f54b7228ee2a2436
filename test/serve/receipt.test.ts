// Receipts of the Python client: those of a Node.js loader of the same rank.
import { verifyReceipt } from 'millrace/receipts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as loaders from '../fixtures/serve/loaders.js';
import { LocalServer } from './local-server.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, SocketFolder } from './server.js';

const sockets = new SocketFolder();
let server: LocalServer;
let others: LocalServer;
let client: PythonClient;
beforeAll(async () => {
  server = await LocalServer.start(fixture('loaders.js'), sockets.socket('jobs'));
  others = await LocalServer.start(fixture('others.js'), sockets.socket('others'));
  client = new PythonClient();
});
afterAll(async () => {
  await client.end();
  await server.end();
  await others.end();
  sockets.remove();
});

const jobs = loaders;
type Job = 'tokens' | 'images' | 'tuning';

/** A loader of Node.js that has delivered some epochs, or some batches of the first. */
async function readInNode(
  loader: ReturnType<typeof variantOf>,
  epochs: number,
  limit = Number.POSITIVE_INFINITY,
) {
  let read = 0;
  for (let epoch = 0; epoch < epochs && read < limit; epoch++)
    for await (const _ of loader) if (++read === limit) break;
  return loader;
}

function variantOf(job: Job, rank = 0, worldSize = 1) {
  return jobs[job].variant({ rank, worldSize });
}

describe('the receipt of a Python client', () => {
  it.each<[Job, number, number, number]>([
    ['tokens', 2, 0, 1],
    ['tuning', 2, 1, 2],
    // More batches than a block of the chain has.
    ['images', 40, 1, 2],
  ])(
    'of %s over %i epochs as rank %i of %i is that of Node.js, and verifies',
    async (job, epochs, rank, worldSize) => {
      const { receipt } = await client.read({
        address: server.address,
        loader: job,
        epochs,
        receipt: true,
        options: { rank, world_size: worldSize },
      });
      const expected = (await readInNode(variantOf(job, rank, worldSize), epochs)).receipt();
      expect(receipt).toEqual(expected);
      const fresh = variantOf(job);
      await fresh.ready();
      expect(verifyReceipt(fresh, receipt)).toMatchObject({
        batches: expected.batches,
        difference: undefined,
      });
    },
  );

  it('continues from Python to Node.js and back', async () => {
    const { address } = server;
    const whole = (await readInNode(variantOf('images'), 3)).receipt();
    const started = await client.read({ address, loader: 'images', limit: 5 });
    const inNode = variantOf('images');
    inNode.loadStateDict(started.state as never);
    await readInNode(inNode, 1);
    const { receipt } = await client.read({
      address,
      loader: 'images',
      epochs: 2,
      receipt: true,
      state: inNode.stateDict() as never,
    });
    expect(receipt).toMatchObject({ digest: whole.digest, batches: whole.batches });
    expect(verifyReceipt(inNode, receipt).difference).toBeUndefined();
  });

  it('names the first batch that another order has', async () => {
    const { receipt } = await client.read({
      address: server.address,
      loader: 'images',
      limit: 6,
      receipt: true,
    });
    const { trail } = receipt as { trail: string };
    const words = new Uint32Array(Uint8Array.from(Buffer.from(trail, 'base64')).buffer);
    words[4]! ^= 1;
    const changed = Buffer.from(words.buffer).toString('base64');
    const loader = variantOf('images');
    await loader.ready();
    expect(verifyReceipt(loader, { ...(receipt as object), trail: changed }).difference).toMatchObject({
      batch: 4,
    });
  });

  it('is refused for a loader that is bound to its server, whose order cannot be recomputed', async () => {
    const refused = await client.ask({ address: others.address, loader: 'stream', receipt: true });
    expect(refused).toMatchObject({ code: 'ERR_MILLRACE_CAPABILITY' });
    expect((await ask(others.address, '/v1/loaders/stream/0/0/0')).headers['millrace-fold']).toBeUndefined();
  });
});
