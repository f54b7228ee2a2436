import { DataLoader } from 'millrace';
import { loadDataset, openDataset } from 'millrace/formats';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { HubServer } from './hub-server.js';
import { card, rowsOf } from './layouts.js';

const server = new HubServer();

beforeAll(async () => {
  await server.start();
  vi.stubEnv('HF_ENDPOINT', server.hub.origin);
  vi.stubEnv('HF_TOKEN', '');
});
beforeEach(() => {
  server.hub.requests.length = 0;
  server.files.requests.length = 0;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

const lines = (...numbers: number[]): string => numbers.map((i) => `{"i": ${i}}\n`).join('');

describe('a data set of the Hub', () => {
  it('gives its splits, as its card or the names of its files say', async () => {
    server.commit('user/set', {
      'train.jsonl': lines(0, 1, 2),
      'test.jsonl': lines(3),
      '.gitattributes': '',
    });
    const { train, test, ...others } = await loadDataset<{ i: number }>('user/set');
    expect(others).toEqual({});
    expect(await rowsOf(train!)).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    expect(await rowsOf(test!)).toEqual([{ i: 3 }]);
    expect(await rowsOf(await loadDataset('hf://datasets/user/set', { split: 'train[1:]+test' }))).toEqual([
      { i: 1 },
      { i: 2 },
      { i: 3 },
    ]);
  });

  it('reads names with every character', async () => {
    server.commit('user/names', { 'de/100% a+b #1?.train.jsonl': lines(7) });
    expect(await rowsOf(await loadDataset('user/names', { split: 'train' }))).toEqual([{ i: 7 }]);
  });

  it('stays at the commit that it was opened at, which is part of its fingerprint', async () => {
    const old = server.commit('user/moving', { 'train.jsonl': lines(1) });
    const opened = await loadDataset('user/moving', { split: 'train' });
    const next = server.commit('user/moving', { 'train.jsonl': lines(2) });
    const [now, then, byCommit] = await Promise.all(
      [undefined, old, next].map((revision) =>
        loadDataset('user/moving', { split: 'train', ...(revision && { revision }) }),
      ),
    );
    expect(await rowsOf(opened)).toEqual([{ i: 1 }]);
    expect(await rowsOf(now!)).toEqual([{ i: 2 }]);
    expect(then!.fingerprint()).toBe(opened.fingerprint());
    expect(byCommit!.fingerprint()).toBe(now!.fingerprint());
    expect(now!.fingerprint()).not.toBe(opened.fingerprint());
    // The same files in another commit are another version of the data set.
    server.commit('user/moving', { 'train.jsonl': lines(1) });
    const again = await loadDataset('user/moving', { split: 'train' });
    expect(again.fingerprint()).not.toBe(opened.fingerprint());
  });

  it('refuses the state of a loader at another commit', async () => {
    server.commit('user/state', { 'train.jsonl': lines(0, 1, 2, 3) });
    const open = async () =>
      new DataLoader(await loadDataset('user/state', { split: 'train' }), { batchSize: 2, shuffle: true });
    await using loader = await open();
    for await (const _ of loader) break;
    const state = loader.stateDict();
    await using same = await open();
    same.loadStateDict(state);
    server.commit('user/state', { 'train.jsonl': lines(0, 1, 2, 4) });
    await using other = await open();
    expect(() => other.loadStateDict(state)).toThrow(/dataset/);
  });

  it('says which branch, data set or split is not there', async () => {
    server.commit('user/there', { 'train.jsonl': lines(1) });
    await expect(loadDataset('user/absent')).rejects.toThrow(
      /no such data set or revision.*user\/absent.*token/,
    );
    await expect(loadDataset('user/there', { revision: 'v9' })).rejects.toThrow(
      /no such data set or revision.*@v9/,
    );
    await expect(loadDataset('user/there', { split: 'test' })).rejects.toThrow(/no split test, only train/);
    await expect(loadDataset('user/there', { config: 'de' })).rejects.toThrow(
      /no configuration de, only default/,
    );
    await expect(loadDataset('./absent/folder')).rejects.toThrow(/no such folder.*user\/name/);
  });

  it('reads the requested branch', async () => {
    server.commit('user/branches', { 'train.jsonl': lines(1) });
    server.commit('user/branches', { 'train.jsonl': lines(2) }, 'refs/convert/parquet');
    const options = { revision: 'refs/convert/parquet', split: 'train' };
    expect(await rowsOf(await loadDataset('user/branches', options))).toEqual([{ i: 2 }]);
  });

  it('does not mix splits in openDataset', async () => {
    server.commit('user/splits', {
      'data/train-00000-of-00001.jsonl': lines(1),
      'data/test-00000-of-00001.jsonl': lines(2),
    });
    await expect(openDataset('hf://datasets/user/splits')).rejects.toThrow(
      /several splits: test \(.*\), train \(.*loadDataset/s,
    );
  });
});

describe('a gated data set', () => {
  const tokens = new Set(['hf_secret']);
  beforeAll(() => {
    server.commit('user/gated', { 'train.jsonl': lines(0, 1, 2, 3) });
    server.gates.set('user/gated', tokens);
  });

  it('opens with a token, which no other server receives', async () => {
    const rows = await loadDataset('user/gated', { split: 'train', token: 'hf_secret' });
    expect(await rowsOf(rows)).toHaveLength(4);
    expect(server.files.requests.length).toBeGreaterThan(0);
    expect(server.files.requests.map(({ headers }) => headers.authorization)).toEqual(
      server.files.requests.map(() => undefined),
    );
  });

  it('says what to do without one, and does not show the one that was refused', async () => {
    await expect(loadDataset('user/gated')).rejects.toThrow(
      /Access is denied.*401.*\{ token \}.*conditions/s,
    );
    const refused = await loadDataset('user/gated', { token: 'hf_unknown' }).catch((error: Error) => error);
    expect(String(refused)).toMatch(/Access is denied.*403/);
    expect(JSON.stringify(refused) + String(refused)).not.toContain('hf_unknown');
  });

  it('gives its token to workers without writing it into a recipe, fingerprint or state', async () => {
    const toRecipe = Symbol.for('millrace.toRecipe') as never;
    const dataset = await loadDataset('user/gated', { split: 'train', token: 'hf_secret' });
    const recipe = (dataset as unknown as Record<symbol, () => unknown>)[toRecipe]!.call(dataset);
    expect(JSON.stringify(recipe)).not.toContain('hf_secret');
    await using loader = new DataLoader(dataset, { batchSize: 2, numWorkers: 2 });
    const batches: number[][] = [];
    for await (const { i } of loader as AsyncIterable<{ i: { data: ArrayLike<number> } }>)
      batches.push(Array.from(i.data));
    expect(batches).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(JSON.stringify(loader.stateDict()) + dataset.fingerprint()).not.toContain('hf_secret');
  });

  it('calls a function for the token before each request, in workers too', async () => {
    let current = 'hf_first';
    let asked = 0;
    server.gates.set('user/turning', new Set(['hf_first']));
    server.commit('user/turning', { 'train.jsonl': lines(0, 1, 2, 3) });
    const token = async () => {
      asked++;
      return current;
    };
    const dataset = await loadDataset('user/turning', { split: 'train', token });
    server.gates.set('user/turning', new Set(['hf_second']));
    current = 'hf_second';
    const before = asked;
    await using loader = new DataLoader(dataset, { batchSize: 4, numWorkers: 1 });
    for await (const batch of loader) expect(batch).toBeDefined();
    expect(asked).toBeGreaterThan(before);
  });
});

describe('a data set that moves into workers', () => {
  it('gives the same rows there, whatever its files', async () => {
    const csv = 'a,b\n1,x\n2,y\n3,z\n';
    server.commit('user/many', {
      'c/train.csv': csv,
      't/train.txt': 'one\n\ntwo\n',
      'j/train.json': '[{"m": [1, 2]}, {"m": [3, 4.5]}]',
      'README.md': card(
        'configs:',
        ...['c', 't', 'j'].flatMap((name) => [`- config_name: ${name}`, `  data_dir: ${name}`]),
      ),
    });
    for (const config of ['c', 't', 'j']) {
      const dataset = await loadDataset('user/many', { config, split: 'train' });
      const batches = async (numWorkers: number) => {
        await using loader = new DataLoader(dataset, { batchSize: 2, numWorkers });
        const found: unknown[] = [];
        for await (const batch of loader) found.push(structuredClone(batch));
        return found;
      };
      expect(await batches(1)).toEqual(await batches(0));
    }
  });
});
