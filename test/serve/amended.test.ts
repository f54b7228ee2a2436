// Runs that change, served: the batches, states and receipts of the loader itself, and where samples come from.
import { DataLoader } from 'millrace';
import { openConfig } from 'millrace/config';
import { verifyReceipt } from 'millrace/receipts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalServer } from './local-server.js';
import { PythonClient } from './python-client.js';
import { fixture, SocketFolder } from './server.js';

const sockets = new SocketFolder();
let server: LocalServer;
let values: PythonClient;
let client: PythonClient;
beforeAll(async () => {
  server = await LocalServer.start(fixture('amended.js'), sockets.socket('amended'));
  values = new PythonClient('values.py');
  client = new PythonClient();
});
afterAll(async () => {
  await values.end();
  await client.end();
  await server.end();
  sockets.remove();
});

/** The loader of the configuration, for a rank. */
async function loaderOf(name: string, rank = 0, worldSize = 1): Promise<DataLoader<{ i: number }>> {
  const { loader } = await openConfig(fixture('amended.js'), { export: name });
  if (!(loader instanceof DataLoader)) throw new Error(`${name} is not a DataLoader`);
  return loader.variant({ rank, worldSize }) as unknown as DataLoader<{ i: number }>;
}

describe('a served run with phases', () => {
  it.each([0, 1])(
    'gives rank %i the batches of Node.js, of epochs of different lengths, with their origins',
    async (rank) => {
      const loader = await loaderOf('growing', rank, 2);
      const [batches, origins]: unknown[][] = [[], []];
      for (let epoch = 0; epoch < 2; epoch++)
        for await (const batch of loader) {
          batches!.push({ i: [...batch.i.data] });
          origins!.push((batch as unknown as { origin: unknown }).origin);
        }
      const options = { rank, world_size: 2 };
      const answer = await values.values({ address: server.address, loader: 'growing', epochs: 2, options });
      expect(answer.batches).toEqual(batches);
      expect(answer.origins).toEqual(origins);
      expect(answer.length).toContain('not known');
      expect(batches!.length).toBe(6 + 4);
    },
  );

  it('has states and receipts with the amendments, which Node.js loads and verifies', async () => {
    const loader = await loaderOf('growing');
    const question = { address: server.address, loader: 'growing' };
    const { state, receipt } = await client.read({ ...question, epochs: 2, limit: 7, receipt: true });
    expect(state.amendments).toEqual(loader.stateDict().amendments);
    expect(verifyReceipt(loader, receipt).difference).toBeUndefined();
    loader.loadStateDict(state);
    const rest: number[] = [];
    while (loader.epoch < 2) for await (const batch of loader) rest.push(...batch.i.data);
    const { batches } = await values.values({ ...question, epochs: 1, state });
    expect(batches.flatMap(({ i }) => i)).toEqual(rest);
  });

  it('refuses a state that was amended differently before', async () => {
    const question = { address: server.address, loader: 'growing' };
    const { state } = await client.read({ ...question, limit: 5 });
    const load = (batchSize: number[][]) =>
      values.ask({ ...question, state: { ...state, amendments: { batchSize } } });
    expect(await load([[2, 16]])).toMatchObject({ code: 'ERR_MILLRACE_STATE_MISMATCH' });
    expect(await load([[3, 16]])).toHaveProperty('batches');
  });

  it('knows the length of its epochs where they have one', async () => {
    const { length, batches } = await values.values({ address: server.address, loader: 'weighted' });
    expect([length, batches.length]).toEqual([8, 8]);
  });
});
