// Web workers that fail are really made to fail: the same typed errors as in Node.js, with and without shared memory.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, executablePath, TestPage } from './browser-page.js';

/** Batches as plain numbers, and the error that ended the iteration. */
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
    const files = await bundle({ page: script('page.js'), 'own-worker': script('own-worker.ts') });
    test = await TestPage.open({ files, script: '/page.js', isolated });
  }, 60_000);
  afterAll(() => test.close());

  const faulty = (name: string, settings: object, options: object = {}) =>
    test.call<Outcome>('faulty', name, settings, options);

  it('import a dataset named by its URL', async () => {
    const { batches, error } = await faulty('default', {});
    expect(error).toBeUndefined();
    expect(batches.flat()).toEqual(Array.from({ length: 32 }, (_, i) => i));
  });

  it('say which sample failed, after the batches before it', async () => {
    const { batches, error } = await faulty('throwsAt', { index: 13 });
    expect(batches).toHaveLength(3);
    expect(error).toMatchObject({ name: 'SampleError', where: { index: 13 }, cause: 'no picture 13' });
  });

  it('skip what fails, where that is asked for', async () => {
    const { batches, error } = await faulty('throwsAt', { index: 13 }, { onError: 'skip' });
    expect(error).toBeUndefined();
    expect(batches.flat()).toHaveLength(31);
  });

  it.each([
    ['ends itself', 'endsAt', undefined],
    ['throws what nobody catches', 'uncaughtAt', 'nobody catches this'],
    ['rejects what nobody awaits', 'rejectedAt', 'nobody awaits this'],
  ])('that %s: a WorkerExitError says at which batch', async (_, name, cause) => {
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

  it('that end over and over on one batch are not started for ever', async () => {
    const { error } = await faulty('endsAt', { index: 9 }, { onError: 'retry' });
    expect(error?.name).toBe('WorkerExitError');
  });

  it('in an endless loop are ended when the time is up', async () => {
    const { batches, error } = await faulty('spinsAt', { index: 9 }, { timeoutMs: 400 });
    expect(batches).toHaveLength(2);
    expect(error?.name).toBe('LoaderTimeoutError');
  });

  it('say why a dataset cannot be opened', async () => {
    expect((await faulty('failsToOpen', {})).error).toMatchObject({
      name: 'TypeError',
      message: 'no such disk',
    });
    expect((await test.call<Outcome>('missing')).error?.message).toContain('/fixtures/no-such.js');
  });

  it('say which values no batch can be made of', async () => {
    expect((await faulty('givesFunctions', {})).error?.name).toBe('CollateError');
  });

  it('whose script is missing say what a bundler needs', async () => {
    const { error } = await test.call<Outcome>('noProgram');
    expect(error).toMatchObject({ name: 'WorkerTransferError', code: 'ERR_MILLRACE_WORKER_TRANSFER' });
    expect(error?.message).toContain('millrace-worker=millrace/worker');
  });

  it('of an application’s own find the modules that it provides, and name those there are', async () => {
    const { batches } = await test.call<Outcome>('ownWorker', 'worker:squares');
    expect(batches.flat()).toEqual(Array.from({ length: 20 }, (_, i) => i * i));
    const { error } = await test.call<Outcome>('ownWorker', 'worker:cubes');
    expect(error).toMatchObject({ name: 'FormatError', where: { provided: 'worker:squares' } });
  });

  it('lend batches: right while they are lent, and their memory goes back', async () => {
    const { sums, afterwards } = await test.call<{ sums: number[]; afterwards: number[] }>('lent');
    const epoch = Array.from({ length: 8 }, (_, k) => [k * 10_000, (k + 1) * 10_000 - 1]).flat();
    expect(sums).toEqual([...epoch, ...epoch, ...epoch]);
    // Shared memory stays where it is; a buffer that was handed back is empty here.
    expect(new Set(afterwards)).toEqual(new Set([isolated ? 10_000 : 0]));
  });

  it('leave no error that nobody caught', () => {
    expect(test.problems).toEqual([]);
  });
});
