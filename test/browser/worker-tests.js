// Functions that use workers in the page, for tests to call from outside.
import { DataLoader, TensorDataset, tensor, workerDataset } from 'millrace';

const fixture = (name) => new URL(`/fixtures/${name}`, location.href);

async function outcomeOf(loader, batches = []) {
  try {
    for await (const { data } of loader) batches.push([...data]);
    return { batches, restarts: loader.stats().restarts };
  } catch (thrown) {
    const { name, code, message, where, cause } = thrown;
    const error = { name, code, message, where, ...(cause instanceof Error && { cause: cause.message }) };
    return { batches, error, restarts: loader.stats().restarts };
  } finally {
    await loader.close();
  }
}

export const workerTests = {
  platform: () => ({ isolated: crossOriginIsolated, shared: typeof SharedArrayBuffer !== 'undefined' }),

  /** A dataset that fails in a given way, in two workers. */
  faulty: (name, settings, options) =>
    outcomeOf(
      new DataLoader(workerDataset(fixture('web-faulty.js'), { export: name, options: settings }), {
        batchSize: 4,
        numWorkers: 2,
        ...options,
      }),
    ),

  /** A worker in an endless loop at the third batch. The time limit passes as soon as the loader waits for that batch. */
  stuck: async () => {
    const timeoutMs = 3_600_000;
    const batches = [];
    const realTimeout = globalThis.setTimeout;
    globalThis.setTimeout = (callback, ms) =>
      realTimeout(callback, ms === timeoutMs && batches.length === 2 ? 0 : ms);
    const dataset = workerDataset(fixture('web-faulty.js'), { export: 'spinsAt', options: { index: 9 } });
    try {
      return await outcomeOf(new DataLoader(dataset, { batchSize: 4, numWorkers: 2, timeoutMs }), batches);
    } finally {
      globalThis.setTimeout = realTimeout;
    }
  },

  /** A dataset module that does not exist. */
  missing: () => outcomeOf(new DataLoader(fixture('no-such.js'), { numWorkers: 1 })),

  /** Workers whose script does not exist. */
  noProgram: () =>
    outcomeOf(
      new DataLoader(fixture('web-faulty.js'), {
        numWorkers: 1,
        createWorker: () => new Worker(new URL('/no-such-worker.js', location.href), { type: 'module' }),
      }),
    ),

  /** The application's own worker, with modules that it provides. */
  ownWorker: (name) =>
    outcomeOf(
      new DataLoader(workerDataset(name), {
        batchSize: 5,
        numWorkers: 2,
        createWorker: () => new Worker(new URL('./own-worker.js', import.meta.url), { type: 'module' }),
      }),
    ),

  /** A worker that ends itself where the browser takes its time to grant locks. */
  endsBeforeLock: () =>
    outcomeOf(
      new DataLoader(workerDataset(fixture('web-faulty.js'), { export: 'endsAt', options: { index: 0 } }), {
        batchSize: 4,
        numWorkers: 1,
        createWorker: () =>
          new Worker(new URL('./slow-locks-worker.js', import.meta.url), { type: 'module' }),
      }),
    ),

  /** Buffers of 40 kB batches over three epochs of lent batches, and their contents. */
  lent: async () => {
    const x = tensor(
      Float32Array.from({ length: 64 * 1250 }, (_, i) => i),
      [64, 1250],
    );
    const loader = new DataLoader(new TensorDataset({ x }), {
      batchSize: 8,
      numWorkers: 1,
      prefetchFactor: 2,
      reuseBuffers: true,
    });
    const sums = [];
    let afterwards = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      let last;
      for await (using batch of loader) {
        afterwards = last ? [...afterwards, last.data.length] : afterwards;
        sums.push(batch.x.data[0], batch.x.data.at(-1));
        last = { data: batch.x.data };
      }
    }
    await loader.close();
    return { sums, afterwards };
  },
};
