// A user's dataset in a module of its own, written as a user would write it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DataLoader, workerDataset } from 'millrace';
import { LoaderNotReadyError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { collect } from './collect.js';

const execute = promisify(execFile);
const script = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe(`a user's dataset`, () => {
  it('in plain JavaScript, is named by URL', async () => {
    const loader = new DataLoader<{ x: Float32Array; y: number }>(
      new URL('../fixtures/squares.js', import.meta.url),
      {
        batchSize: 4,
        numWorkers: 2,
      },
    );
    const ys: number[] = [];
    for await (const { x, y } of loader) {
      expect(x.shape).toEqual([4, 2]);
      ys.push(...y.data);
    }
    expect(ys).toEqual(Array.from({ length: 100 }, (_, i) => i % 3));
    expect(loader.length).toBe(25);
    await loader.close();
  });

  it('in plain JavaScript, is made by a function with options', async () => {
    const dataset = workerDataset<number>(new URL('../fixtures/squares.js', import.meta.url), {
      export: 'squares',
      options: { length: 5 },
    });
    const loader = new DataLoader(dataset, { batchSize: 5, numWorkers: 2 });
    expect(await collect(loader)).toEqual([[0, 1, 4, 9, 16]]);
    await loader.close();
  });

  it('in TypeScript, is named by URL', async () => {
    const loader = new DataLoader<number>(new URL('../fixtures/augmented.ts', import.meta.url), {
      batchSize: 8,
      numWorkers: 2,
    });
    const [first] = await collect(loader);
    expect(first!.map(Math.floor)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await loader.close();
  });

  it('says to import its module first when its order is requested before', async () => {
    const loader = new DataLoader<number>(new URL('../fixtures/squares.js', import.meta.url), {
      batchSize: 4,
    });
    const questions = [
      () => loader.length,
      () => loader.stateDict(),
      () => loader.receipt(),
      () => loader.order({ epoch: 0, step: 0 }),
      () => loader.whenSeen(3),
    ];
    for (const ask of questions) {
      expect(ask).toThrow(LoaderNotReadyError);
      expect(ask).toThrow(/await loader.ready\(\)/);
    }
    await loader.ready();
    for (const ask of questions) expect(ask).not.toThrow();
    await loader.close();
  });

  it('lives in the training script itself, in JavaScript and in TypeScript', async () => {
    const javascript = await execute(process.execPath, [script('train.js')]);
    expect(javascript.stdout).toBe('mean 49.5 over 100 samples\n');
    const typescript = await execute(process.execPath, ['--import', 'tsx', script('train.ts')]);
    expect(typescript.stdout).toBe('mean 49.5 over 100 samples\n');
  });
});

describe('the process', () => {
  it.each([
    ['after close() of a loader that was half used', 'half-used.js'],
    ['after break, without close()', 'break.js'],
    ['when a loader with workers is dropped', 'dropped.js'],
  ])('ends by itself %s', async (_, name) => {
    const { stdout } = await execute(process.execPath, [script(name)]);
    expect(stdout).toBe('done\n');
  });
});
