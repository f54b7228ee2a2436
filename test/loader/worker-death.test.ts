// Workers are really ended, at random moments, and nothing may be lost or doubled.
import type { Worker } from 'node:worker_threads';
import { DataLoader, type Tensor, workerDataset } from 'millrace';
import { LoaderClosedError, WorkerExitError } from 'millrace/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';

const busy = new URL('../fixtures/busy.js', import.meta.url);
const faulty = new URL('../fixtures/faulty.js', import.meta.url);

// With four batches ahead, every worker is at another batch when six have been delivered.
const workers = { numWorkers: 2, prefetchFactor: 2, onError: 'retry' } as const;

/** The threads that are alive. */
let threads: Set<Worker>;

const keep = (thread: Worker): void => {
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
};

beforeEach(() => {
  threads = new Set();
  process.on('worker', keep);
});
afterEach(() => {
  process.off('worker', keep);
});

/** Numbers below n from a small generator, so that a failure can be repeated. */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Runs epochs and ends a random worker every few batches, a random while after a delivery, until there were `kills`. */
async function survive(
  loader: DataLoader<unknown>,
  kills: number,
  check: (batches: readonly number[][]) => unknown,
): Promise<void> {
  const below = random(kills);
  let done = 0;
  while (done < kills) {
    const batches: number[][] = [];
    for await (const batch of loader) {
      batches.push(Array.from((batch as Tensor<'float32'>).data));
      if (batches.length % 6 !== 0 || threads.size < 2 || done >= kills) continue;
      done += 1;
      const victim = [...threads][below(threads.size)]!;
      threads.delete(victim);
      const delay = below(4);
      if (delay === 0) void victim.terminate();
      else setTimeout(() => void victim.terminate(), delay - 1);
    }
    await check(batches);
  }
  expect(loader.stats().restarts).toBeGreaterThan(kills / 2);
}

describe(`a worker that dies under onError: 'retry'`, () => {
  it.each([
    { reuseBuffers: false, inOrder: true },
    { reuseBuffers: true, inOrder: true },
    { reuseBuffers: false, inOrder: false },
  ])('is replaced, again and again, and no sample is lost or doubled: %o', async (options) => {
    const settings = { batchSize: 4, shuffle: true, seed: 5, ...options } as const;
    const unharmed = new DataLoader<Float32Array>(busy, { ...settings, inOrder: true });
    const loader = new DataLoader<Float32Array>(busy, { ...settings, ...workers });
    const asKeys = (batches: readonly number[][]): string[] => {
      const keys = batches.map((batch) => batch.join());
      return options.inOrder ? keys : keys.sort();
    };
    await survive(loader, searchSize({ short: 8, long: 70 }), async (batches) => {
      const expected: number[][] = [];
      for await (const batch of unharmed) expected.push(Array.from(batch.data));
      expect(asKeys(batches)).toEqual(asKeys(expected));
    });
    await loader.close();
  });

  it('is replaced in the middle of a stream', async () => {
    const dataset = workerDataset<number>(busy, { export: 'stream' });
    const options = { batchSize: 5, ...workers } as const;
    const expected: number[][] = [];
    for await (const batch of new DataLoader<number>(dataset, { batchSize: 5 }))
      expected.push(Array.from(batch.data));
    const loader = new DataLoader<number>(dataset, options);
    await survive(loader, 20, (batches) => expect(batches).toEqual(expected));
    await loader.close();
  });

  it('is given up after three deaths over one batch, with the sample at fault', async () => {
    const dataset = workerDataset<number>(faulty, { export: 'exitsAt', options: { index: 17 } });
    const loader = new DataLoader<number>(dataset, { batchSize: 4, numWorkers: 2, onError: 'retry' });
    const taken: number[][] = [];
    const failure = (async () => {
      for await (const batch of loader) taken.push(Array.from(batch.data));
    })();
    await expect(failure).rejects.toThrow(WorkerExitError);
    await expect(failure).rejects.toMatchObject({ where: { batch: 4, sample: 17 } });
    expect(taken.flat()).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(loader.stats().restarts).toBe(2);
    await loader.close();
  });
});

describe('a worker that dies otherwise', () => {
  it('is an error that names the batch and the sample it was at', async () => {
    const dataset = workerDataset<number>(faulty, { export: 'exitsAt', options: { index: 17 } });
    const loader = new DataLoader<number>(dataset, { batchSize: 4, numWorkers: 2 });
    const failure = (async () => {
      for await (const _ of loader);
    })();
    await expect(failure).rejects.toMatchObject({
      code: 'ERR_MILLRACE_WORKER_EXIT',
      where: { epoch: 0, batch: 4, sample: 17 },
    });
    await loader.close();
  });
});

it('ends the workers of a loader that is closed while they start', async () => {
  const loader = new DataLoader<Float32Array>(busy, { batchSize: 4, numWorkers: 2 });
  const ready = loader.ready();
  const closed = loader.close();
  await expect(ready).rejects.toThrow(LoaderClosedError);
  await closed;
  // Threads that have just been started are heard of a moment later.
  await new Promise(setImmediate);
  expect(threads.size).toBe(0);
});
