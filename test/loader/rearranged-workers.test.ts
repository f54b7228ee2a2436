// Workers go on when a run is amended and its data stays the same.
import type { Worker } from 'node:worker_threads';
import { DataLoader, MixtureDataset, type Tensor, tensor } from 'millrace';
import { TokenWindows } from 'millrace/tokens';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let threads = 0;
const count = (_: Worker): void => {
  threads += 1;
};
beforeEach(() => {
  threads = 0;
  process.on('worker', count);
});
afterEach(() => {
  process.off('worker', count);
});

const windows = (first: number) =>
  new TokenWindows(
    tensor(
      Int32Array.from({ length: 160 }, (_, i) => first + i),
      [160],
    ),
    { length: 8 },
  );

/** All batches of a run that is amended on its way. */
async function train(numWorkers: number, restart = false) {
  const load = () =>
    new DataLoader(new MixtureDataset([windows(0), windows(1000)], { weights: [1, 1], seed: 3 }), {
      batchSize: 2,
      numWorkers,
      onError: 'retry',
    });
  let loader = load();
  const batches: { shape: readonly number[]; data: number[] }[] = [];
  for (let step = 0; ; ) {
    let isRestarted = false;
    for await (const batch of loader) {
      const { shape, data } = (batch as { x: Tensor<'int32'> }).x;
      batches.push({ shape, data: Array.from(data) });
      step += 1;
      if (step === 2) await loader.amend({ weights: [3, 1] });
      if (step === 4) await loader.amend({ batchSize: 4 });
      if (step === 5) await loader.amend({ sequenceLength: 4, weights: [0, 1] });
      if (step === 6) await loader.amend({ sequenceLength: 8 });
      if (step === 7 && restart) {
        isRestarted = true;
        break;
      }
    }
    const state = loader.stateDict();
    await loader.close();
    if (!isRestarted) return batches;
    loader = load();
    loader.loadStateDict(state);
  }
}

describe('an amended run', () => {
  it('keeps its worker threads: weights, batch sizes and sequence lengths reach the datasets that they have open', async () => {
    const expected = await train(0);
    expect(threads).toBe(0);
    expect(await train(2)).toEqual(expected);
    expect(threads).toBe(2);
    expect(new Set(expected.map(({ shape }) => shape.join()))).toEqual(new Set(['2,8', '4,8', '4,2,4']));
  });

  it('starts workers with all amendments when it continues from a state', async () => {
    expect(await train(1, true)).toEqual(await train(0));
  });

  it('has the amendments in a worker that replaces a dead one', async () => {
    const load = (numWorkers: number) =>
      new DataLoader(new MixtureDataset([windows(0), windows(1000)], { weights: [1, 1] }), {
        batchSize: 2,
        numWorkers,
        onError: 'retry',
      });
    const alive: Worker[] = [];
    const keep = (thread: Worker): unknown => alive.push(thread);
    process.on('worker', keep);
    const runs = [0, 1].map(async (numWorkers) => {
      await using loader = load(numWorkers);
      const seen: number[] = [];
      for await (const batch of loader) {
        seen.push(...(batch as { x: Tensor<'int32'> }).x.data);
        if (seen.length === 32) await loader.amend({ weights: [0, 1] });
        if (seen.length === 64) await alive[0]?.terminate();
      }
      return seen;
    });
    const [none, one] = await Promise.all(runs);
    process.off('worker', keep);
    expect(one).toEqual(none);
    expect(threads).toBe(2);
  });

  it('starts other workers for other data', async () => {
    const sources = [windows(0), windows(1000)];
    await using loader = new DataLoader(new MixtureDataset(sources, { weights: [1, 1] }), { numWorkers: 1 });
    let step = 0;
    for await (const _ of loader) {
      step += 1;
      if (step === 1) await loader.amend({ weights: [1, 3] });
      if (step === 2) await loader.amend({ sources: [...sources, windows(2000)], weights: [0, 0, 1] });
      if (step === 3) break;
    }
    expect(threads).toBe(2);
  });
});
