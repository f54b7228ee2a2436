import { ArrayDataset, DataLoader, RandomSampler, TensorDataset, tensor } from 'millrace';
import { ConfigError, LoaderClosedError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { batchesOf, collect, range } from './collect.js';

describe('DataLoader', () => {
  it('gives the samples in order, batch by batch', async () => {
    expect(await collect(new DataLoader(range(7), { batchSize: 3 }))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });

  it('leaves out a last batch that is not full with dropLast', async () => {
    const loader = new DataLoader(range(7), { batchSize: 3, dropLast: true });
    expect(await collect(loader)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(loader.length).toBe(2);
  });

  it('gives nothing for an empty dataset', async () => {
    const loader = new DataLoader(range(0), { batchSize: 3, shuffle: true });
    expect(await collect(loader)).toEqual([]);
    expect(loader.length).toBe(0);
  });

  it('shuffles each epoch anew, and the same way again from the same seed', async () => {
    const make = () => new DataLoader(range(50), { batchSize: 10, shuffle: true, seed: 3 });
    const loader = make();
    const epochs = [await collect(loader), await collect(loader)];
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[0]!.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    const again = make();
    expect([await collect(again), await collect(again)]).toEqual(epochs);
    again.setEpoch(1);
    expect(await collect(again)).toEqual(epochs[1]);
  });

  it('begins the next epoch after a loop that was left early', async () => {
    const loader = new DataLoader(range(20), { batchSize: 5, shuffle: true });
    for await (const _ of loader) break;
    const second = await collect(loader);
    expect(second).toEqual(
      await collect(seekTo(new DataLoader(range(20), { batchSize: 5, shuffle: true }), 1)),
    );
  });

  it('takes its order from a sampler or a batch sampler', async () => {
    expect(
      await collect(new DataLoader(range(4), { batchSize: 2, sampler: arraySampler([3, 1, 2, 0]) })),
    ).toEqual([
      [3, 1],
      [2, 0],
    ]);
    const batchSampler = [[2], [0, 1, 2]];
    expect(await collect(new DataLoader(range(4), { batchSampler }))).toEqual([[2], [0, 1, 2]]);
  });

  it('gives each rank its part of every global batch', async () => {
    const parts = [0, 1, 2].map((rank) =>
      collect(new DataLoader(range(20), { batchSize: 7, shuffle: true, rank, worldSize: 3 })),
    );
    const whole = await collect(new DataLoader(range(20), { batchSize: 7, shuffle: true }));
    const [a, b, c] = await Promise.all(parts);
    expect(whole.map((_, k) => [...a![k]!, ...b![k]!, ...c![k]!])).toEqual(whole);
    expect(whole.map((_, k) => a![k]!.length)).toEqual([2, 2, 2]);
  });

  it('gives every rank a sample when the last batch has fewer samples than ranks', async () => {
    const parts = await Promise.all(
      [0, 1, 2].map((rank) => collect(new DataLoader(range(8), { batchSize: 3, rank, worldSize: 3 }))),
    );
    expect(parts.map((part) => part.at(-1))).toEqual([[6], [7], [6]]);
  });

  it('gathers whole batches from tensors', async () => {
    const dataset = new TensorDataset({
      x: tensor(Float32Array.from([0, 1, 2, 3, 4, 5]), [3, 2]),
      y: tensor(Int32Array.of(7, 8, 9)),
    });
    const [batch] = await batchesOf(
      new DataLoader(dataset, { batchSize: 3, sampler: arraySampler([2, 0, 1]) }),
    );
    expect(batch).toEqual({
      x: { dtype: 'float32', shape: [3, 2], data: Float32Array.of(4, 5, 0, 1, 2, 3) },
      y: { dtype: 'int32', shape: [3], data: Int32Array.of(9, 7, 8) },
    });
  });

  it('applies transform and collate', async () => {
    const loader = new DataLoader(range(4), {
      batchSize: 2,
      transform: (sample, { index }) => sample * 10 + index,
      collate: (samples) => samples.join('+'),
    });
    expect(await batchesOf(loader)).toEqual(['0+11', '22+33']);
  });

  it('counts batches, samples and waiting', async () => {
    const loader = new DataLoader(range(7), { batchSize: 3 });
    await collect(loader);
    expect(loader.stats()).toMatchObject({
      batches: 3,
      samples: 7,
      skipped: 0,
      numWorkers: 0,
      prefetchFactor: 0,
    });
    expect(loader.stats().waitShare).toBeGreaterThan(0);
    expect(loader.stats().waitShare).toBeLessThanOrEqual(1);
  });

  it('has one iteration at a time: the earlier one ends with an error that says so', async () => {
    const loader = new DataLoader(range(9), { batchSize: 3 });
    const first = loader[Symbol.asyncIterator]();
    await first.next();
    const second = loader[Symbol.asyncIterator]();
    await second.next();
    await expect(first.next()).rejects.toThrow(LoaderClosedError);
    expect((await second.next()).done).toBe(false);
  });

  it.each([[0], [2]])('ends an iteration under way when it is closed (%d workers)', async (numWorkers) => {
    const loader = new DataLoader(range(90), { batchSize: 3, numWorkers });
    const batches = loader[Symbol.asyncIterator]();
    await batches.next();
    await loader.close();
    await expect(batches.next()).rejects.toThrow(LoaderClosedError);
  });

  it('refuses to iterate after close', async () => {
    const loader = new DataLoader(range(9));
    await loader.close();
    await expect(collect(loader)).rejects.toThrow(LoaderClosedError);
  });

  it.each([
    [{ batchsize: 3 }, 'batchsize', 'did you mean batchSize?'],
    [{ batchSize: 0 }, 'batchSize', '1 or more'],
    [{ batchSize: 1.5 }, 'batchSize', 'integer'],
    [{ shuffle: 1 }, 'shuffle', "true, false or 'shards'"],
    [{ numWorkers: -1 }, 'numWorkers', '0 or more'],
    [{ prefetchFactor: 2 }, 'prefetchFactor', 'needs numWorkers'],
    [{ persistentWorkers: true }, 'persistentWorkers', 'needs numWorkers'],
    [{ inOrder: false }, 'inOrder', 'needs numWorkers'],
    [{ timeoutMs: -1 }, 'timeoutMs', '0 or more'],
    [{ rank: 2, worldSize: 2 }, 'rank', 'outside 0'],
    [{ onError: 'ignore' }, 'onError', `'skip'`],
    [{ numberDtype: 'float16' }, 'numberDtype', 'dtype'],
    [{ shuffle: true, sampler: [0] }, 'shuffle', 'sampler'],
    [{ batchSampler: [[0]], batchSize: 1 }, 'batchSize', 'batchSampler'],
    [{ batchSampler: [[0]], dropLast: true }, 'dropLast', 'batchSampler'],
    [{ sampler: 3 }, 'sampler', 'iterable'],
    [{ collate: 'pad' }, 'collate', 'function'],
  ])('refuses %o, naming %s', (options, field, hint) => {
    const make = () => new DataLoader(range(9), options as object);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(field);
    expect(make).toThrow(hint);
  });

  it('names every problem at once', () => {
    const make = () => new DataLoader(range(9), { batchSize: 0, seed: -1, nope: 1 } as object);
    expect(make).toThrow(/batchSize.*seed.*nope|nope.*batchSize.*seed/);
  });

  it('refuses a value that is not a dataset', () => {
    expect(() => new DataLoader({ size: 3 } as never)).toThrow(/neither map-style/);
  });
});

const arraySampler = (order: readonly number[]) => ({
  length: order.length,
  [Symbol.iterator]: () => order[Symbol.iterator](),
});

function seekTo<L extends { setEpoch(epoch: number): void }>(loader: L, epoch: number): L {
  loader.setEpoch(epoch);
  return loader;
}

describe('DataLoader over RandomSampler', () => {
  it('is what shuffle: true does', async () => {
    const dataset = new ArrayDataset(Array.from({ length: 30 }, (_, i) => i));
    const explicit = new DataLoader(dataset, {
      batchSize: 4,
      sampler: new RandomSampler(dataset, { seed: 5 }),
    });
    expect(await collect(explicit)).toEqual(
      await collect(new DataLoader(dataset, { batchSize: 4, shuffle: true, seed: 5 })),
    );
  });
});

describe('DataLoader with a torch generator', () => {
  const make = (seed: number, numWorkers = 0) =>
    new DataLoader(range(10), {
      batchSize: 3,
      shuffle: true,
      generator: new TorchGenerator(seed),
      numWorkers,
    });

  // torch 2.13: DataLoader(range(10), shuffle=True, generator=torch.Generator().manual_seed(0)), two epochs
  const epochs = [
    [3, 7, 5, 2, 0, 8, 1, 6, 9, 4],
    [1, 3, 2, 7, 5, 9, 0, 6, 4, 8],
  ];

  it.each([[0], [2]])('gives the order of PyTorch, epoch after epoch (%d workers)', async (numWorkers) => {
    const loader = make(0, numWorkers);
    expect((await collect(loader)).flat()).toEqual(epochs[0]);
    expect((await collect(loader)).flat()).toEqual(epochs[1]);
    await loader.close();
  });

  it.each([0, 1, 2, 3, 4, 5, 7, 8])(
    'continues exactly after %d batches, and in all later epochs',
    async (stop) => {
      const whole = make(0);
      const expected = [await collect(whole), await collect(whole), await collect(whole)].flat();
      const first = make(0);
      const taken: number[][] = [];
      while (taken.length < stop) {
        for await (const batch of first) {
          taken.push(Array.from(batch.data));
          if (taken.length === stop && stop % 4 !== 0) break;
        }
      }
      const resumed = make(99);
      resumed.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
      const rest: number[][] = [];
      while (taken.length + rest.length < expected.length) rest.push(...(await collect(resumed)));
      expect([...taken, ...rest]).toEqual(expected);
    },
  );
});
