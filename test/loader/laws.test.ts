// The laws of the design that a loader keeps, over random configurations.
import fc from 'fast-check';
import { DataLoader, TensorDataset, tensor } from 'millrace';
import { StateMismatchError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { collect, range } from './collect.js';

const configuration = fc
  .record({
    length: fc.integer({ min: 1, max: 60 }),
    batchSize: fc.integer({ min: 1, max: 9 }),
    dropLast: fc.boolean(),
    shuffle: fc.boolean(),
    seed: fc.nat(1000),
  })
  // A loader that would drop its only batch is refused.
  .map((options) => ({ ...options, dropLast: options.dropLast && options.batchSize <= options.length }));

function make({ length, ...options }: { length: number; [option: string]: unknown }): DataLoader<number> {
  return new DataLoader<number>(range(length), options as object);
}

describe('law 1: order', () => {
  it('does not depend on workers and prefetch', async () => {
    await fc.assert(
      fc.asyncProperty(
        configuration,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        async (options, numWorkers, prefetchFactor) => {
          const epochs = async (loader: DataLoader<number>) => {
            const both = [await collect(loader), await collect(loader)];
            await loader.close();
            return both;
          };
          expect(await epochs(make({ ...options, numWorkers, prefetchFactor }))).toEqual(
            await epochs(make(options)),
          );
        },
      ),
      { numRuns: searchSize({ short: 6, long: 25 }) },
    );
  });

  it('gives the same global batches whatever the world size', async () => {
    await fc.assert(
      fc.asyncProperty(configuration, fc.integer({ min: 1, max: 5 }), async (options, most) => {
        const worldSize = Math.min(most, options.batchSize);
        const whole = await collect(make(options));
        const ranks = Array.from({ length: worldSize }, (_, rank) =>
          collect(make({ ...options, rank, worldSize })),
        );
        const parts = await Promise.all(ranks);
        for (const [k, batch] of whole.entries()) {
          const joined = parts.flatMap((part) => part[k]!);
          if (batch.length >= worldSize) expect(joined).toEqual(batch);
          else expect(joined).toEqual(parts.map((_, rank) => batch[rank % batch.length]));
        }
      }),
    );
  });
});

describe('law 2: seek', () => {
  it('equals iterating from the start and dropping', async () => {
    await fc.assert(
      fc.asyncProperty(configuration, fc.nat(3), fc.nat(70), async (options, epoch, skip) => {
        const dropped = make(options);
        dropped.setEpoch(epoch);
        const all = await collect(dropped);
        const sought = make(options);
        const batch = skip % (all.length + 1);
        sought.seek({ epoch, step: batch });
        expect(await collect(sought)).toEqual(all.slice(batch));
        expect(sought.epoch).toBe(epoch + 1);
      }),
    );
  });

  it('reads no sample on the way', async () => {
    const read: number[] = [];
    const dataset = {
      length: 1000,
      get(index: number) {
        read.push(index);
        return index;
      },
    };
    const loader = new DataLoader(dataset, { batchSize: 10, shuffle: true });
    loader.seek({ epoch: 2, step: 98 });
    expect((await collect(loader)).flat()).toEqual(read);
    expect(read).toHaveLength(20);
  });
});

describe('law 3: state', () => {
  it('continues exactly, with another number of workers and another world size', async () => {
    await fc.assert(
      fc.asyncProperty(
        configuration,
        fc.nat(70),
        fc.constantFrom(0, 2),
        fc.constantFrom(0, 1, 2),
        fc.integer({ min: 1, max: 3 }),
        async (options, stop, before, after, most) => {
          const worldSize = Math.min(most, options.batchSize);
          const whole = make(options);
          const expected = [...(await collect(whole)), ...(await collect(whole))];
          const taken: number[][] = [];
          const first = make({ ...options, numWorkers: before });
          const stopAfter = stop % (whole.length + 1);
          if (stopAfter > 0) {
            for await (const batch of first) {
              taken.push(Array.from(batch.data));
              if (taken.length === stopAfter) break;
            }
          }
          const state = JSON.parse(JSON.stringify(first.stateDict()));
          await first.close();
          const ranks = Array.from({ length: worldSize }, async (_, rank) => {
            const second = make({ ...options, numWorkers: after, rank, worldSize });
            second.loadStateDict(state);
            const rest = await collect(second);
            if (second.epoch < 2) rest.push(...(await collect(second)));
            await second.close();
            return rest;
          });
          const parts = await Promise.all(ranks);
          const remaining = expected.slice(taken.length);
          expect(taken).toEqual(expected.slice(0, taken.length));
          expect(parts[0]).toHaveLength(remaining.length);
          for (const [k, batch] of remaining.entries()) {
            if (batch.length >= worldSize) expect(parts.flatMap((part) => part[k]!)).toEqual(batch);
          }
        },
      ),
      { numRuns: searchSize({ short: 7, long: 30 }) },
    );
  });

  it('stays exact when batches are delivered out of order', async () => {
    const stuck = new URL('../fixtures/stuck.js', import.meta.url);
    const loader = new DataLoader<number>(stuck, { batchSize: 2, numWorkers: 2, inOrder: false });
    const taken: number[][] = [];
    for await (const batch of loader) {
      taken.push(Array.from(batch.data));
      if (taken.length === 3) break;
    }
    const state = JSON.parse(JSON.stringify(loader.stateDict()));
    await loader.close();
    // Batch 0 holds up its worker forever, and what stands behind it; the rest goes to the other one.
    expect(taken).not.toContainEqual([0, 1]);
    expect(state).toMatchObject({ epoch: 0, step: 0, ahead: taken.map(([first]) => first! / 2) });
    const resumed = new DataLoader<number>(stuck, { batchSize: 2 });
    await resumed.ready();
    resumed.loadStateDict(state);
    const all = [...taken, ...(await collect(resumed))].flat();
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it('is under 4 KB of JSON for a large dataset', async () => {
    const dataset = { length: 10 ** 9, get: (index: number) => index };
    const loader = new DataLoader(dataset, { batchSize: 512, shuffle: true, numberDtype: 'float64' });
    loader.seek({ epoch: 3, step: 10 ** 6 });
    for await (const _ of loader) break;
    const state = loader.stateDict();
    expect(state).toMatchObject({ epoch: 3, step: 10 ** 6 + 1 });
    expect(JSON.stringify(state).length).toBeLessThan(4096);
  });

  it.each([
    ['batchSize', { batchSize: 5 }],
    ['seed', { seed: 8 }],
    ['dropLast', { dropLast: true }],
    ['dataset', { length: 41 }],
    ['sampler', { shuffle: false }],
  ])('refuses the state of a loader with another %s, naming it', (field, other) => {
    const options = { length: 40, batchSize: 4, shuffle: true, seed: 7 };
    const state = make(options).stateDict();
    const load = () => make({ ...options, ...other }).loadStateDict(state);
    expect(load).toThrow(StateMismatchError);
    expect(load).toThrow(`field ${field}`);
  });

  it('refuses a state of another version, and a value that is not a state', () => {
    const loader = make({ length: 4 });
    expect(() => loader.loadStateDict({ ...loader.stateDict(), version: 99 })).toThrow(/version is 99/);
    expect(() => loader.loadStateDict({ epoch: 1 })).toThrow(/Loader state: .*batch/);
  });
});

describe('law 4: randomness', () => {
  it('gives the same augmented samples on any number of workers', async () => {
    const epochs = [0, 1, 3].map(async (numWorkers) => {
      const loader = new DataLoader<number>(new URL('../fixtures/noisy.js', import.meta.url), {
        batchSize: 4,
        shuffle: true,
        numWorkers,
      });
      const both = [await collect(loader), await collect(loader)];
      await loader.close();
      return both;
    });
    const [none, one, three] = await Promise.all(epochs);
    expect(one).toEqual(none);
    expect(three).toEqual(none);
    expect(none![0]).not.toEqual(none![1]);
  });

  it('gives a sample other random numbers in each epoch and under each seed', async () => {
    const noisy = new URL('../fixtures/noisy.js', import.meta.url);
    const epochOf = async (seed: number, epoch: number) => {
      const loader = new DataLoader<number>(noisy, { batchSize: 24, seed });
      loader.setEpoch(epoch);
      return (await collect(loader)).flat();
    };
    const [first, again, nextEpoch, nextSeed] = await Promise.all([
      epochOf(3, 2),
      epochOf(3, 2),
      epochOf(3, 3),
      epochOf(4, 2),
    ]);
    expect(again).toEqual(first);
    for (const [index, value] of first!.entries()) {
      expect(nextEpoch![index]).not.toBe(value);
      expect(nextSeed![index]).not.toBe(value);
    }
  });
});

describe('law 7: memory', () => {
  it('uses the same slots again with reuseBuffers, in workers and without', async () => {
    for (const numWorkers of [0, 1]) {
      const dataset = new TensorDataset({
        x: tensor(
          Float32Array.from({ length: 640 }, (_, i) => i),
          [64, 10],
        ),
      });
      const loader = new DataLoader(dataset, { batchSize: 4, numWorkers, reuseBuffers: true });
      const buffers = new Set<ArrayBufferLike>();
      const seen: number[] = [];
      for await (const { x } of loader) {
        expect(x.data.buffer).toBeInstanceOf(SharedArrayBuffer);
        buffers.add(x.data.buffer);
        seen.push(...x.data);
      }
      await loader.close();
      expect(seen).toEqual(Array.from({ length: 640 }, (_, i) => i));
      // Two slots, each grown once. A worker's buffers are other objects each time they cross, over the same memory.
      if (numWorkers === 0) expect(buffers.size).toBeLessThanOrEqual(4);
    }
  });
});
