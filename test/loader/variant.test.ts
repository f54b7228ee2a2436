import fc from 'fast-check';
import { DataLoader } from 'millrace';
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
