import fc from 'fast-check';
import { ChainDataset, DataLoader, workerDataset } from 'millrace';
import { ConfigError, SampleError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { collect } from './collect.js';

const streams = new URL('../fixtures/streams.js', import.meta.url);

describe('an iterable dataset', () => {
  it('is read batch by batch', async () => {
    const dataset = {
      *iterate() {
        yield* [0, 1, 2, 3, 4];
      },
      length: 5,
    };
    const loader = new DataLoader(dataset, { batchSize: 2 });
    expect(await collect(loader)).toEqual([[0, 1], [2, 3], [4]]);
    expect(loader.length).toBe(3);
    expect(await collect(new DataLoader(dataset, { batchSize: 2, dropLast: true }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('gives each sample once and in one order, whatever the workers, shards, ranks and prefetch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(13), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (shardLengths, batchSize, numWorkers, prefetchFactor, dropLast) => {
          const dataset = workerDataset<number>(streams, { export: 'shards', options: { shardLengths } });
          const options = { batchSize, dropLast };
          // A stream that gives no batch is an error.
          fc.pre(shardLengths.some((length) => length >= (dropLast ? batchSize : 1)));
          const alone = await collect(new DataLoader<number>(dataset, options));
          const loader = new DataLoader<number>(dataset, { ...options, numWorkers, prefetchFactor });
          expect(await collect(loader)).toEqual(alone);
          expect(await collect(loader)).toEqual(alone.map((batch) => batch.map((value) => value + 0.5)));
          await loader.close();
          const ranks = await Promise.all(
            [0, 1].map((rank) =>
              collect(new DataLoader<number>(dataset, { ...options, rank, worldSize: 2 })),
            ),
          );
          for (const [k, batch] of alone.entries()) {
            if (batch.length > 1) expect(ranks.flatMap((part) => part[k]!)).toEqual(batch);
          }
          if (!dropLast) expect(alone.flat()).toHaveLength(shardLengths.reduce((a, b) => a + b, 0));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('can be sought and resumed', async () => {
    for (const shardLengths of [[23], [5, 0, 9, 2]]) {
      const dataset = workerDataset<number>(streams, { export: 'shards', options: { shardLengths } });
      const whole = await collect(new DataLoader<number>(dataset, { batchSize: 2 }));
      for (const batch of [0, 1, 4, whole.length]) {
        const loader = new DataLoader<number>(dataset, { batchSize: 2, numWorkers: batch % 3 });
        loader.seek({ epoch: 0, step: batch });
        expect(await collect(loader)).toEqual(whole.slice(batch));
        await loader.close();
      }
    }
  });

  it('is read anew when another epoch is sought in the middle of one', async () => {
    const dataset = workerDataset<number>(streams, { export: 'shards', options: { shardLengths: [12] } });
    for (const numWorkers of [0, 2]) {
      const loader = new DataLoader<number>(dataset, { batchSize: 2, numWorkers });
      let taken = 0;
      for await (const _ of loader) if (++taken === 2) break;
      loader.seek({ epoch: 1, step: 4 });
      expect(await collect(loader)).toEqual([
        [8.5, 9.5],
        [10.5, 11.5],
      ]);
      await loader.close();
    }
  });

  it('joins others in a chain', async () => {
    const count = (from: number, to: number) => ({
      async *iterate() {
        for (let i = from; i < to; i++) yield i;
      },
      length: to - from,
    });
    const chain = new ChainDataset([count(0, 3), count(10, 12)]);
    expect(await collect(new DataLoader(chain, { batchSize: 4 }))).toEqual([[0, 1, 2, 10], [11]]);
    expect(chain.length).toBe(5);
  });

  it('that fails says at which sample', async () => {
    const dataset = {
      *iterate() {
        yield 0;
        yield 1;
        yield 2;
        throw new Error('line 4 is no JSON');
      },
    };
    const run = collect(new DataLoader(dataset, { batchSize: 2 }));
    await expect(run).rejects.toThrow(SampleError);
    await expect(run).rejects.toThrow(/Sample 3 .*line 4 is no JSON/);
  });

  it.each([
    ['shuffle', { shuffle: true }],
    ['sampler', { sampler: [0] }],
    ['batchSampler', { batchSampler: [[0]] }],
    ['inOrder', { inOrder: false, numWorkers: 1 }],
  ])('refuses %s', (field, options) => {
    const make = () => new DataLoader({ iterate: () => [1] }, options as object);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(field);
  });
});
