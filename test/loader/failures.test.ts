// Every promise about failure, kept by really breaking things.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  ArrayDataset,
  DataLoader,
  MapDataset,
  type MillraceError,
  workerDataset,
  workerFunction,
} from 'millrace';
import {
  CollateError,
  IndexRangeError,
  LoaderTimeoutError,
  SampleError,
  WorkerExitError,
  WorkerTransferError,
} from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it, vi } from 'vitest';
import { batchesOf, collect, range } from './collect.js';

const faulty = new URL('../fixtures/faulty.js', import.meta.url);

function load(name: string, options: object, loaderOptions: object = {}): DataLoader<number> {
  const dataset = workerDataset<number>(faulty, { export: name, options });
  return new DataLoader<number>(dataset, { batchSize: 4, numWorkers: 2, ...loaderOptions } as object);
}

/** Batches until the error, and the error. */
async function untilError(
  loader: DataLoader<number>,
): Promise<{ batches: number[][]; error: MillraceError }> {
  const batches: number[][] = [];
  try {
    for await (const batch of loader) batches.push(Array.from(batch.data));
  } catch (error) {
    await loader.close();
    return { batches, error: error as MillraceError };
  }
  throw new Error('no error came');
}

describe('a sample that throws in a worker', () => {
  it('comes out whole at its turn: class, code, message, index and the original error as cause', async () => {
    const { batches, error } = await untilError(load('throwsAt', { index: 17 }));
    expect(batches).toHaveLength(4);
    expect(error).toBeInstanceOf(SampleError);
    expect(error.code).toBe('ERR_MILLRACE_SAMPLE');
    expect(error.where).toMatchObject({ index: 17, epoch: 0, worker: expect.any(Number) });
    expect(error.message).toContain('Sample 17');
    expect(error.message).toContain('no picture 17');
    expect(error.message).toContain(`onError: 'skip'`);
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause).toMatchObject({ message: 'no picture 17', fileName: 'p.jpg' });
    expect((error.cause as Error).stack).toContain('faulty.js');
  });

  it('is the same error without workers, and for a promise that rejects', async () => {
    for (const [name, numWorkers] of [
      ['throwsAt', 0],
      ['rejectsAt', 0],
      ['rejectsAt', 2],
    ] as const) {
      const { batches, error } = await untilError(load(name, { index: 17 }, { numWorkers }));
      expect(batches).toHaveLength(4);
      expect(error).toBeInstanceOf(SampleError);
      expect(error.where).toMatchObject({ index: 17 });
    }
  });

  it('leaves the loader usable: the state stands before the bad batch, and a seek goes past it', async () => {
    const dataset = workerDataset<number>(faulty, { export: 'throwsAt', options: { index: 17 } });
    const loader = new DataLoader<number>(dataset, { batchSize: 4, numWorkers: 2 });
    await expect(collect(loader)).rejects.toThrow(SampleError);
    expect(loader.stateDict()).toMatchObject({ epoch: 0, step: 4 });
    loader.seek({ epoch: 0, step: 5 });
    expect((await collect(loader)).flat()).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]);
    await loader.close();
  });

  it(`is left out and counted with onError: 'skip'`, async () => {
    for (const numWorkers of [0, 2]) {
      const loader = load('throwsAt', { index: 17 }, { onError: 'skip', numWorkers });
      const all = (await collect(loader)).flat();
      expect(all).toEqual(Array.from({ length: 32 }, (_, i) => i).filter((i) => i !== 17));
      expect(loader.stats().skippedSamples).toEqual([{ index: 17, epoch: 0, reason: 'no picture 17' }]);
      await loader.close();
    }
  });

  it(`is made again with onError: 'retry', and thrown when it keeps failing`, async () => {
    const repaired = load('flakyAt', { index: 3, failures: 2 }, { onError: 'retry', numWorkers: 1 });
    expect((await collect(repaired)).flat()).toHaveLength(8);
    await repaired.close();
    const { error } = await untilError(
      load('flakyAt', { index: 3, failures: 99 }, { onError: 'retry', numWorkers: 1 }),
    );
    expect(error).toBeInstanceOf(SampleError);
    expect(error.message).toContain('connection reset');
  });
});

describe('a worker that dies in the middle of an epoch', () => {
  it('is an error that says which worker, batch and samples, after the batches before it', async () => {
    const { batches, error } = await untilError(load('exitsAt', { index: 17 }));
    expect(batches.length).toBeLessThanOrEqual(4);
    expect(error).toBeInstanceOf(WorkerExitError);
    expect(error.where).toMatchObject({ worker: expect.any(Number), epoch: 0 });
    expect(error.message).toContain('exit code 7');
    expect(error.message).toContain('16, 17, 18, 19');
  });

  // Bun has no limit for the memory of a thread, and Deno ends the process when one of its threads reaches it.
  it.skipIf(process.versions.bun || process.versions.deno)('says so when it ran out of memory', async () => {
    const script = fileURLToPath(new URL('../fixtures/out-of-memory.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-old-space-size=64', script]);
    const { code, message, where } = JSON.parse(stdout);
    expect(code).toBe('ERR_MILLRACE_WORKER_EXIT');
    expect(message).toMatch(/reaching memory limit.*16, 17, 18, 19.*use fewer workers/i);
    expect(where).toMatchObject({ worker: expect.any(Number), batch: 4 });
  });

  it.each([[0], [1]])(
    'loses nothing: iterating again continues there with new workers (shuffled by %d)',
    async (seed) => {
      const flag = new SharedArrayBuffer(4);
      const loader = load('exitsOnce', { index: 17, flag }, { shuffle: true, seed });
      const batches: number[][] = [];
      const run = async () => {
        for await (const batch of loader) batches.push(Array.from(batch.data));
      };
      await expect(run()).rejects.toThrow(WorkerExitError);
      const { epoch, step } = loader.stateDict();
      expect([epoch, step]).toEqual([0, batches.length]);
      await run();
      await loader.close();
      expect(batches).toEqual(
        await collect(new DataLoader(range(32), { batchSize: 4, shuffle: true, seed })),
      );
    },
  );

  it('continues a torch-ordered epoch where it was', async () => {
    const options = () => ({ batchSize: 4, shuffle: true, generator: new TorchGenerator(3) });
    const whole = new DataLoader(range(32), options());
    const expected = [...(await collect(whole)), ...(await collect(whole))];
    const flag = new SharedArrayBuffer(4);
    const loader = load('exitsOnce', { index: 17, flag }, options());
    const batches: number[][] = [];
    const run = async () => {
      for await (const batch of loader) batches.push(Array.from(batch.data));
    };
    await expect(run()).rejects.toThrow(WorkerExitError);
    await run();
    await run();
    await loader.close();
    expect(batches).toEqual(expected);
  });
});

describe('timeoutMs', () => {
  it.each([
    ['spinsAt', 1],
    ['neverAnswersAt', 1],
    ['neverAnswersAt', 0],
  ])('ends the wait for a dataset that never returns (%s, %d workers)', async (name, numWorkers) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const loader = load(name, { index: 9 }, { timeoutMs: 3000, numWorkers });
    const pass = loader[Symbol.asyncIterator]();
    for (const expected of [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ])
      expect(Array.from((await pass.next()).value!.data)).toEqual(expected);
    const failure = pass.next().then(
      () => undefined,
      (reason: MillraceError) => reason,
    );
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(3000);
    const error = (await failure)!;
    vi.useRealTimers();
    await loader.close();
    expect(error).toBeInstanceOf(LoaderTimeoutError);
    expect(error.where).toMatchObject({ epoch: 0, batch: 2, indices: '[8, 9, 10, 11]' });
    expect(error.message).toContain('3000 ms');
  });
});

describe('a batch that cannot be collated', () => {
  it('names the field and the sample, and says what to do', async () => {
    const { batches, error } = await untilError(load('ragged', {}));
    expect(batches).toHaveLength(1);
    expect(error).toBeInstanceOf(CollateError);
    expect(error.where).toMatchObject({ position: 1, batch: 1, indices: '[4, 5, 6, 7]' });
    expect(error.message).toContain('has the shape [4], of sample 0 [3]');
    expect(error.message).toContain('padCollate');
  });
});

describe('indices outside the dataset', () => {
  it.each([[32], [-1], [1.5], [Number.NaN]])(
    '(%d) name the sampler, the batch and the index',
    async (bad) => {
      for (const numWorkers of [0, 2]) {
        const loader = new DataLoader(range(32), {
          batchSize: 2,
          sampler: {
            length: 4,
            *[Symbol.iterator]() {
              yield* [0, 1, 2, bad];
            },
          },
          numWorkers,
        });
        const seen: number[][] = [];
        const run = async () => {
          for await (const batch of loader) seen.push(Array.from(batch.data));
        };
        await expect(run()).rejects.toThrow(IndexRangeError);
        expect(seen).toEqual([[0, 1]]);
        await loader.close();
      }
    },
  );
});

describe('what cannot be moved into a worker', () => {
  it('is an error that names both solutions', async () => {
    const dataset = { length: 3, get: (index: number) => index };
    const loader = new DataLoader(dataset, { numWorkers: 1 });
    await expect(collect(loader)).rejects.toThrow(WorkerTransferError);
    await expect(collect(loader)).rejects.toThrow(/new URL\('\.\/dataset\.js', import\.meta\.url\)/);
    await expect(collect(loader)).rejects.toThrow(/workerDataset/);
  });

  it('is found inside other datasets, and in transforms', async () => {
    const mapped = new MapDataset(range(3), (sample) => sample + 1);
    await expect(collect(new DataLoader(mapped, { numWorkers: 1 }))).rejects.toThrow(/map function/);
    const transform = (sample: number) => sample;
    await expect(collect(new DataLoader(range(3), { transform, numWorkers: 1 }))).rejects.toThrow(
      /transform/,
    );
    const functions = new ArrayDataset([() => 0]);
    await expect(collect(new DataLoader(functions, { numWorkers: 1 }))).rejects.toThrow(WorkerTransferError);
  });

  it('comes out when a sample itself cannot cross, or the module is not what it should be', async () => {
    const cases: [string, object, RegExp][] = [
      ['givesFunctions', { collate: (samples: unknown[]) => samples }, /cannot be sent from the worker/],
      ['failsToOpen', {}, /no such disk/],
      ['notADataset', {}, /neither/],
      ['missing', {}, /no export named missing/],
    ];
    for (const [name, options, message] of cases) {
      await expect(collect(load(name, {}, { numWorkers: 1, ...options }))).rejects.toThrow(message);
    }
  });

  it('is noticed when the module gives each worker another dataset', async () => {
    const changing = new URL('../fixtures/changing.js', import.meta.url);
    const loader = new DataLoader<number>(changing, { numWorkers: 2 });
    await expect(collect(loader)).rejects.toThrow(
      /(6 samples in worker 1 and 5|5 samples in worker 0 and 6) elsewhere/,
    );
  });
});

describe('functions named by module', () => {
  it('run in the workers', async () => {
    const augmented = new URL('../fixtures/scale.js', import.meta.url);
    const loader = new DataLoader(range(6), {
      batchSize: 3,
      numWorkers: 1,
      transform: workerFunction<(sample: number) => number>(augmented, {
        export: 'scaleBy',
        options: { factor: 10 },
      }),
      collate: workerFunction<(samples: readonly number[]) => string>(augmented, { export: 'join' }),
    });
    expect(await batchesOf(loader)).toEqual(['0+10+20 by worker 0', '30+40+50 by worker 0']);
    await loader.close();
  });
});

describe('a loader that is closed or restarted while the consumer waits for a batch', () => {
  it.each([
    ['closed', (loader: DataLoader<number>): unknown => loader.close()],
    ['begun anew', (loader: DataLoader<number>): unknown => loader[Symbol.asyncIterator]().next()],
  ] as const)('ends the wait with an error: %s', async (_, act) => {
    const loader = load('neverAnswersAt', { index: 5 }, { batchSize: 4, numWorkers: 1 });
    const batches = loader[Symbol.asyncIterator]();
    await batches.next();
    const waiting = batches.next();
    const settled = waiting.catch((error: MillraceError) => error);
    void act(loader);
    expect(await settled).toMatchObject({ code: 'ERR_MILLRACE_CLOSED' });
    await loader.close();
  });
});
