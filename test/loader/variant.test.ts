import fc from 'fast-check';
import { ConcatDataset, DataLoader, MixtureDataset } from 'millrace';
import { ReleasedBatchError } from 'millrace/errors';
import { expect, it } from 'vitest';
import { collect, range } from './collect.js';

it('a variant gives the same batches, whatever the workers, and leaves the loader as it is', async () => {
  const options = fc.record({
    batchSize: fc.integer({ min: 1, max: 9 }),
    shuffle: fc.boolean(),
    seed: fc.integer({ min: 0, max: 99 }),
    numWorkers: fc.constantFrom(0, 2),
  });
  const variants = fc.record({
    numWorkers: fc.constantFrom(0, 1, 2),
    prefetchFactor: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(options, variants, async (given, change) => {
      const loader = new DataLoader(range(40), {
        ...given,
        ...(given.numWorkers > 0 && { prefetchFactor: 3 }),
      });
      const variant = loader.variant(change);
      try {
        const batches = await collect(loader);
        expect(await collect(variant)).toEqual(batches);
        const { numWorkers, prefetchFactor } = variant.stats();
        expect(numWorkers).toBe(change.numWorkers);
        expect(prefetchFactor).toBe(change.numWorkers === 0 ? 0 : change.prefetchFactor);
        expect(loader.stats().numWorkers).toBe(given.numWorkers);
      } finally {
        await Promise.all([loader.close(), variant.close()]);
      }
    }),
    { numRuns: 15 },
  );
});

it('a variant may lend its batches where the loader does not', async () => {
  const loader = new DataLoader(range(40), { batchSize: 8 });
  const variant = loader.variant({ numWorkers: 0, reuseBuffers: true });
  const pass = variant[Symbol.asyncIterator]();
  const { value } = (await pass.next()) as { value: { data: Float32Array } };
  expect(value.data).toHaveLength(8);
  await pass.next();
  expect(() => value.data).toThrow(ReleasedBatchError);
});

it('a variant of an amended loader has its amendments', async () => {
  const sources = [range(20), range(10)];
  const loader = new DataLoader(new MixtureDataset(sources, { weights: [1, 1] }), { batchSize: 3 });
  await loader.amend({ at: 2, weights: [0, 1], batchSize: 5 });
  await loader.amend({ at: 4, sources: [sources[0]!, new ConcatDataset([range(10), range(10)])] });
  const variant = loader.variant({ numWorkers: 1 });
  const single = loader.variant({ rank: 1, worldSize: 2 });
  expect(variant.stateDict().amendments).toEqual(loader.stateDict().amendments);
  const batches = await collect(loader);
  expect(batches.map((batch) => batch.length)).toEqual([3, 3, 5, 5, 5, 5, 4]);
  expect(await collect(variant)).toEqual(batches);
  expect((await collect(single)).map((batch) => batch.length)).toEqual([2, 2, 3, 3, 3, 3, 2]);
  await variant.close();
  // It is a loader of its own.
  await variant.variant({}).amend({ at: 5, batchSize: 1 });
  expect(loader.stateDict().amendments).not.toHaveProperty('batchSize.1');
});
