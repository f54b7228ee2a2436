import { ArrayDataset, DataLoader, DistributedSampler, filterDataset, ShuffleBuffer } from 'millrace';
import { CapabilityError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { collect } from './collect.js';

const numbers = (length: number) => Array.from({ length }, (_, i) => i);
const dataset = new ArrayDataset(numbers(40));
const stream = {
  numShards: 2,
  *iterate({ shard }: { shard: number }) {
    for (let i = 0; i < 20; i++) yield 100 * shard + i;
  },
};
/** Options that the compiler refuses. */
const untyped = (value: object) => value as never;

describe('a loader that must be elastic', () => {
  it.each([
    ['DistributedSampler', dataset, { sampler: new DistributedSampler(40, { worldSize: 2, rank: 0 }) }],
    ['ShuffleBuffer', new ShuffleBuffer(stream, { bufferSize: 4 }), {}],
    ['The sampler', dataset, { sampler: [0, 1, 2] }],
  ])('names %s, which is not', (stage, source, options) => {
    const make = () => new DataLoader(untyped(source), untyped({ elastic: true, ...options }));
    expect(make).toThrow(CapabilityError);
    expect(make).toThrow(stage);
  });

  it('is one with any native order', async () => {
    const loader = new DataLoader(dataset, { elastic: true, shuffle: true, batchSize: 8 });
    expect((await collect(loader)).flat().sort((a, b) => a - b)).toEqual(numbers(40));
  });
});

describe('a state of other ranks', () => {
  it('is refused by a sampler whose order depends on them, by name', () => {
    const load = (worldSize: number) =>
      new DataLoader(dataset, { batchSize: 4, sampler: new DistributedSampler(40, { worldSize, rank: 0 }) });
    const state = load(4).stateDict();
    expect(() => load(3).loadStateDict(state)).toThrow(CapabilityError);
    expect(() => load(3).loadStateDict(state)).toThrow(/DistributedSampler cannot be resumed on other ranks/);
    expect(() => load(4).loadStateDict(state)).not.toThrow();
  });
});

describe('ShuffleBuffer', () => {
  const load = (options: object = {}, seed = 1) =>
    new DataLoader<number>(new ShuffleBuffer(stream, { bufferSize: 6, seed }), { batchSize: 4, ...options });

  it('gives every sample of a shard once, in another order each epoch and seed, the same on any workers', async () => {
    const loader = load();
    const epochs = [await collect(loader), await collect(loader)];
    const all = [...numbers(20), ...numbers(20).map((i) => 100 + i)];
    for (const epoch of epochs) expect(epoch.flat().sort((a, b) => a - b)).toEqual(all);
    expect(epochs[1]).not.toEqual(epochs[0]);
    expect(await collect(load({}, 2))).not.toEqual(epochs[0]);
    expect(await collect(load())).toEqual(epochs[0]);
  });

  it('moves a sample back by what the buffer holds at most, and is resumed on other ranks by reading again', async () => {
    const whole = await collect(load());
    const firstShard = whole.flat().filter((value) => value < 100);
    for (const [place, value] of firstShard.entries()) expect(value).toBeLessThanOrEqual(place + 6);
    const first = load();
    let taken = 0;
    for await (const _ of first) if (++taken === 3) break;
    const ranks = [0, 1].map((rank) => {
      const loader = load({ rank, worldSize: 2 });
      loader.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      return collect(loader);
    });
    const parts = await Promise.all(ranks);
    expect(parts[0]!.map((batch, k) => [...batch, ...parts[1]![k]!])).toEqual(whole.slice(3));
  });
});

describe('filterDataset', () => {
  it('keeps the samples that the predicate keeps, as a dataset like any other', async () => {
    const even = await filterDataset(dataset, async (value) => value % 2 === 0);
    expect(even.length).toBe(20);
    const loader = new DataLoader(even, { elastic: true, shuffle: true, batchSize: 5 });
    expect((await collect(loader)).flat().sort((a, b) => a - b)).toEqual(numbers(20).map((i) => 2 * i));
    await expect(filterDataset(stream as never, () => true)).rejects.toThrow(
      'filter a stream in its own iterate()',
    );
  });
});
