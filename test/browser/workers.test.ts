// Failing web workers: the same typed errors as in Node.js, with and without shared memory.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, executablePath, TestPage } from './browser-page.js';

/** Batches as plain numbers, and the error that ended iteration. */
interface Outcome {
  readonly batches: readonly (readonly number[])[];
  readonly error?: {
    readonly name: string;
    readonly code: string;
    readonly message: string;
    readonly where: object;
    readonly cause?: string;
  };
  readonly restarts: number;
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

describe.skipIf(!executablePath).each([
  ['cross-origin isolated', true],
  ['not isolated', false],
])('web workers, %s', (_, isolated) => {
  let test: TestPage;
  beforeAll(async () => {
    const files = await bundle({
      page: script('page.js'),
      'own-worker': script('own-worker.ts'),
      'slow-locks-worker': script('slow-locks-worker.js'),
    });
    test = await TestPage.open({ files, script: '/page.js', isolated });
  });
  afterAll(() => test.close());

  const faulty = (name: string, settings: object, options: object = {}) =>
    test.call<Outcome>('faulty', name, settings, options);

  it('import a dataset by its URL', async () => {
    const { batches, error } = await faulty('default', {});
    expect(error).toBeUndefined();
    expect(batches.flat()).toEqual(Array.from({ length: 32 }, (_, i) => i));
  });

  it('report which sample failed, after delivering the batches before it', async () => {
    const { batches, error } = await faulty('throwsAt', { index: 13 });
    expect(batches).toHaveLength(3);
    expect(error).toMatchObject({ name: 'SampleError', where: { index: 13 }, cause: 'no picture 13' });
  });

  it('skip failing samples, if requested', async () => {
    const { batches, error } = await faulty('throwsAt', { index: 13 }, { onError: 'skip' });
    expect(error).toBeUndefined();
    expect(batches.flat()).toHaveLength(31);
  });

  it.each([
    ['ends itself', 'endsAt', undefined],
    ['throws an uncaught error', 'uncaughtAt', 'an uncaught error'],
    ['rejects an unhandled promise', 'rejectedAt', 'an unhandled rejection'],
  ])('cause a WorkerExitError with the batch if a worker %s', async (_, name, cause) => {
    const { batches, error } = await faulty(name, { index: 11 });
    expect(batches).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(error).toMatchObject({
      name: 'WorkerExitError',
      code: 'ERR_MILLRACE_WORKER_EXIT',
      where: { batch: 2 },
    });
    expect(error?.cause).toBe(cause);
    if (isolated) expect(error?.where).toMatchObject({ sample: 11 });
  });

  it('are not restarted without limit if they keep ending on one batch', async () => {
    const { error } = await faulty('endsAt', { index: 9 }, { onError: 'retry' });
    expect(error?.name).toBe('WorkerExitError');
  });

  it('cause an error when they end before the browser grants their lock', async () => {
    const { error } = await test.call<Outcome>('endsBeforeLock');
    expect(error?.name).toBe('WorkerExitError');
  });

  it('are terminated at the time limit when stuck in an endless loop', async () => {
    const { batches, error } = await test.call<Outcome>('stuck');
    expect(batches).toHaveLength(2);
    expect(error?.name).toBe('LoaderTimeoutError');
  });

  it('report why a dataset cannot be opened', async () => {
    expect((await faulty('failsToOpen', {})).error).toMatchObject({
      name: 'TypeError',
      message: 'no such disk',
    });
    expect((await test.call<Outcome>('missing')).error?.message).toContain('/fixtures/no-such.js');
  });

  it('report which values cannot be collated', async () => {
    expect((await faulty('givesFunctions', {})).error?.name).toBe('CollateError');
  });

  it('explain what a bundler needs if their script is missing', async () => {
    const { error } = await test.call<Outcome>('noProgram');
    expect(error).toMatchObject({ name: 'WorkerTransferError', code: 'ERR_MILLRACE_WORKER_TRANSFER' });
    expect(error?.message).toContain('millrace-worker=millrace/worker');
  });

  it('find the modules that an application’s own worker provides, and list them if one is missing', async () => {
    const { batches } = await test.call<Outcome>('ownWorker', 'worker:squares');
    expect(batches.flat()).toEqual(Array.from({ length: 20 }, (_, i) => i * i));
    const { error } = await test.call<Outcome>('ownWorker', 'worker:cubes');
    expect(error).toMatchObject({ name: 'FormatError', where: { provided: 'worker:squares' } });
  });

  it('lend batches that are correct while lent, and reuse their memory afterwards', async () => {
    const { sums, afterwards } = await test.call<{ sums: number[]; afterwards: number[] }>('lent');
    const epoch = Array.from({ length: 8 }, (_, k) => [k * 10_000, (k + 1) * 10_000 - 1]).flat();
    expect(sums).toEqual([...epoch, ...epoch, ...epoch]);
    // Shared memory stays in place; a buffer transferred back to a worker is empty here.
    expect(new Set(afterwards)).toEqual(new Set([isolated ? 10_000 : 0]));
  });

  it('leave no uncaught error', () => {
    expect(test.problems).toEqual([]);
  });
});
