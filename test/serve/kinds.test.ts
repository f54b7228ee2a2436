import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { images } from '../fixtures/serve/loaders.js';
import { LocalServer } from './local-server.js';
import { askPython } from './python.js';
import { PythonClient } from './python-client.js';
import { ask, fixture, SocketFolder } from './server.js';

const sockets = new SocketFolder();
let server: LocalServer;
let client: PythonClient;
beforeAll(async () => {
  server = await LocalServer.start(fixture('others.js'), sockets.socket('others'));
  client = new PythonClient('values.py');
});
afterAll(async () => {
  await client.end();
  await server.end();
  sockets.remove();
});

const describeLoader = async (name: string) =>
  JSON.parse((await ask(server.address, `/v1/loaders/${name}`)).body.toString()) as { bound: string | null };

describe('a loader that is not a function of its address', () => {
  it('is served by one server, and says why', async () => {
    expect((await describeLoader('stream')).bound).toContain('Counting is a stream');
    expect((await describeLoader('backwards')).bound).toContain('Backwards cannot seek');
    expect((await describeLoader('failing')).bound).toBeNull();
  });

  it('a stream gives all its batches in order, and ends', async () => {
    const { batches, length } = await client.values({ address: server.address, loader: 'stream', epochs: 2 });
    const epoch = Array.from({ length: 7 }, (_, k) => ({
      i: [3 * k, 3 * k + 1, 3 * k + 2].filter((i) => i < 20),
    }));
    expect(batches).toEqual([...epoch, ...epoch]);
    expect(length).toContain('not known before it is read');
  });

  it('a stream resumes: it is read up to the place', async () => {
    const { state } = await client.values({ address: server.address, loader: 'stream', limit: 3 });
    const { batches } = await client.values({ address: server.address, loader: 'stream', state });
    expect(batches[0]).toEqual({ i: [9, 10, 11] });
  });

  it('a sampler of the user keeps its order', async () => {
    const { batches } = await client.values({ address: server.address, loader: 'backwards' });
    expect(batches.flatMap(({ i }) => i)).toEqual(Array.from({ length: 24 }, (_, i) => 23 - i));
  });

  it('is refused on another server, by name', async () => {
    const headers = { 'Millrace-Server': 'another', 'Millrace-Client': 'client-of-several-servers' };
    const { status, body } = await ask(server.address, '/v1/loaders/stream/0/1/0', headers);
    expect(status).toBe(409);
    expect(body.toString()).toMatch(/ERR_MILLRACE_SERVE_BOUND.*Counting is a stream/);
    expect((await ask(server.address, '/v1/loaders/failing/0/1/0', headers)).status).toBe(200);
  });

  it('a sampler that draws is refused to a second client and to several ranks, by name', async () => {
    const refused = await client.ask({
      address: server.address,
      loader: 'backwards',
      options: { rank: 1, world_size: 2 },
    });
    expect(refused).toMatchObject({
      code: 'ERR_MILLRACE_CAPABILITY',
      message: expect.stringContaining('Backwards'),
    });
  });
});

describe('samples that fail', () => {
  it('are an error with code, place and cause; other batches still come', async () => {
    const { address } = server;
    const failed = await client.ask({ address, loader: 'failing' });
    expect(failed).toMatchObject({
      code: 'ERR_MILLRACE_SAMPLE',
      where: { index: 13 },
      causes: ['the file is damaged'],
    });
    expect((await ask(address, '/v1/loaders/failing/0/4/0')).status).toBe(200);
    expect((await ask(address, '/v1/loaders/failing/0/3/0')).status).toBe(500);
  });

  it('are left out where the loader skips them: a batch that would be empty holds another sample', async () => {
    const { batches } = await client.values({ address: server.address, loader: 'skipping' });
    const seen = batches.map(({ i }) => (i as number[])[0]!);
    expect(seen).toHaveLength(24);
    expect(seen).not.toContain(13);
    expect(seen.filter((_, k) => k !== 13)).toEqual(
      Array.from({ length: 24 }, (_, i) => i).filter((i) => i !== 13),
    );
  });

  it('a batch that cannot be sent names the field', async () => {
    expect(await client.ask({ address: server.address, loader: 'dates' })).toMatchObject({
      code: 'ERR_MILLRACE_COLLATE',
      message: expect.stringContaining('class Date'),
      where: { path: 'when' },
    });
  });
});

describe('a configuration', () => {
  it('that is a function is opened for each rank, as the loader train', async () => {
    const read = (rank: number) =>
      client.values({ address: server.address, loader: 'train', options: { rank, world_size: 2 } });
    const [first, second] = [await read(0), await read(1)];
    expect(first.batches[0]).toEqual({ i: [0, 1], rank: [0, 0], worldSize: [2, 2] });
    expect(second.batches[0]).toEqual({ i: [2, 3], rank: [1, 1], worldSize: [2, 2] });
  });
});

describe('a transform in Python', () => {
  it('gets each sample with the stream that is keyed as context.rng, whatever the rank', async () => {
    const job = await LocalServer.start(fixture('loaders.js'), sockets.socket('jobs'));
    const read = (rank: number, worldSize: number) =>
      client.values({
        address: job.address,
        loader: 'images',
        transform: 'noisy',
        epochs: 2,
        options: { rank, world_size: worldSize },
      });
    const whole = await read(0, 1);
    const halves = [await read(0, 2), await read(1, 2)];
    await job.end();
    const placesOf = ({ batches }: typeof whole) => batches.flatMap(({ place }) => place as number[][]);
    const noiseOf = ({ batches }: typeof whole) => batches.flatMap(({ noise }) => noise as number[]);
    // The places are those of the loader's order.
    const due = [0, 1].flatMap((epoch) =>
      [...images.order({ epoch, step: 0 })].flatMap(({ indices, positions: { start, step } }) =>
        Array.from(indices, (index, k) => [index, start + k * step, epoch, 4]),
      ),
    );
    expect(placesOf(whole)).toEqual(due);
    const byPlace = new Map(placesOf(whole).map((place, k) => [String(place), noiseOf(whole)[k]]));
    for (const half of halves)
      for (const [k, place] of placesOf(half).entries())
        expect(noiseOf(half)[k]).toBe(byPlace.get(String(place)));
    const [generator] = await askPython<{ first: number }[]>('orders.py', [
      { kind: 'generator', options: { index: due[5]![0], position: due[5]![1], epoch: 0, seed: 4 } },
    ]);
    expect(generator!.first).toBe(noiseOf(whole)[5]);
  });

  it('that returns samples of different shapes is an error that names them', async () => {
    expect(
      await client.ask({ address: server.address, loader: 'failing', transform: 'ragged' }),
    ).toMatchObject({
      code: 'ERR_MILLRACE_CONFIG',
      message: expect.stringContaining('pad or crop'),
    });
  });

  it('is refused for a stream, whose samples have no positions', async () => {
    expect(await client.ask({ address: server.address, loader: 'stream', transform: 'noisy' })).toMatchObject(
      {
        code: 'ERR_MILLRACE_CAPABILITY',
        message: expect.stringContaining('Counting'),
      },
    );
  });
});
