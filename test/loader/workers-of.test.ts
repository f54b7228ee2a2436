// A validation loader beside a training loader: the same threads, one after the other, closed apart.
import fc from 'fast-check';
import { DataLoader, workerDataset } from 'millrace';
import { ConfigError, WorkerExitError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { batchesOf, collect, range } from './collect.js';

const whoami = new URL('../fixtures/thread-of.js', import.meta.url);

/** Samples that say which thread made them. */
const threads = (length: number, options: object = {}) =>
  workerDataset<number>(whoami, { options: { length, ...options } });

const threadsIn = (batches: number[][]): number[] => [...new Set(batches.flat())].sort((a, b) => a - b);

describe('workersOf', () => {
  it('makes the batches in the threads of the other loader, in turn, whichever starts first', async () => {
    for (const first of ['train', 'validate']) {
      const train = new DataLoader(threads(16), { batchSize: 2, numWorkers: 2 });
      const validate = new DataLoader(threads(12), { batchSize: 2, workersOf: train });
      const loaders = first === 'train' ? [train, validate] : [validate, train];
      const ids = [];
      for (const loader of loaders) ids.push(threadsIn(await collect(loader)));
      expect(ids[0]).toEqual(ids[1]);
      expect(ids[0]).toHaveLength(2);
      await loaders[0]!.close();
      // The other one goes on in the same threads, and the first one can start again beside it.
      expect(threadsIn(await collect(loaders[1]!))).toEqual(ids[0]);
      const third = new DataLoader(threads(12), { batchSize: 2, workersOf: validate });
      expect(threadsIn(await collect(third))).toEqual(ids[0]);
      await loaders[1]!.close();
      expect(threadsIn(await collect(third))).toEqual(ids[0]);
      await third.close();
    }
  });

  it('gives both the batches that they have alone, however their iterations interleave', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        async (turns, reuseBuffers, persistentWorkers) => {
          const options = { batchSize: 3, shuffle: true, reuseBuffers };
          const expected = [
            await collect(new DataLoader(range(30), options)),
            await collect(new DataLoader(range(20), options)),
          ];
          const train = new DataLoader(range(30), { ...options, numWorkers: 1 });
          const validate = new DataLoader(range(20), { ...options, workersOf: train, persistentWorkers });
          const passes = [train[Symbol.asyncIterator](), validate[Symbol.asyncIterator]()];
          const came: number[][][] = [[], []];
          const take = async (which: number): Promise<boolean> => {
            const { done, value } = await passes[which]!.next();
            if (!done) came[which]!.push(Array.from(value.data));
            return !done;
          };
          for (const turn of turns) await take(turn ? 1 : 0);
          await Promise.all(
            [0, 1].map(async (which) => {
              while (await take(which));
            }),
          );
          expect(came).toEqual(expected);
          await Promise.all([train.close(), validate.close()]);
        },
      ),
      { numRuns: 8 },
    );
  });

  it('reports a dead thread to both loaders, which continue with new threads', async () => {
    const flag = new SharedArrayBuffer(4);
    const train = new DataLoader(threads(8), { batchSize: 2, numWorkers: 1 });
    const validate = new DataLoader(threads(8, { flag }), { batchSize: 2, workersOf: train });
    const before = threadsIn(await collect(train));
    await expect(collect(validate)).rejects.toThrow(WorkerExitError);
    const after = threadsIn(await collect(validate));
    expect(after).not.toEqual(before);
    expect(threadsIn(await collect(train))).toEqual(after);
    await Promise.all([train.close(), validate.close()]);
  });

  it('has the workers of the other loader, and no other number', async () => {
    const train = new DataLoader(range(4), { numWorkers: 2 });
    const validate = new DataLoader(range(4), { workersOf: train });
    expect(validate.options.numWorkers).toBe(2);
    await batchesOf(validate);
    expect(validate.stats().numWorkers).toBe(2);
    await validate.close();
    expect(() => new DataLoader(range(4), { workersOf: train, numWorkers: 1 } as object)).toThrow(
      /numWorkers: cannot be given together with workersOf/,
    );
    expect(() => new DataLoader(range(4), { workersOf: { options: { numWorkers: 1 } } as never })).toThrow(
      ConfigError,
    );
    const alone = new DataLoader(range(4), { workersOf: new DataLoader(range(1)) });
    expect(await batchesOf(alone)).toHaveLength(4);
  });
});
