import { DataLoader, workerDataset } from 'millrace';
import { describe, expect, it } from 'vitest';
import { batchesOf, collect } from './collect.js';

const fixture = (name: string) => new URL(`../fixtures/${name}.js`, import.meta.url);

describe('workers', () => {
  it('live on from epoch to epoch, or begin anew with persistentWorkers: false', async () => {
    const threads = async (persistentWorkers: boolean) => {
      const loader = new DataLoader<number>(fixture('thread'), { numWorkers: 2, persistentWorkers });
      const epochs = [new Set((await collect(loader)).flat()), new Set((await collect(loader)).flat())];
      await loader.close();
      return epochs;
    };
    const [first, second] = await threads(true);
    expect(first!.size).toBe(2);
    expect(second).toEqual(first);
    const [third, fourth] = await threads(false);
    expect([...fourth!].some((thread) => third!.has(thread))).toBe(false);
  });

  it('do not make the prefetched batches of an iteration that was left', async () => {
    const calls = new SharedArrayBuffer(4 * 16);
    const gate = new SharedArrayBuffer(4);
    const dataset = workerDataset<number>(fixture('gated'), { options: { calls, gate } });
    const loader = new DataLoader<number>(dataset, { numWorkers: 1, prefetchFactor: 8 });
    for await (const _ of loader) break;
    // The worker stands in sample 1; samples 2 to 8 wait behind it and are not wanted any more.
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    expect((await collect(loader)).flat()).toHaveLength(16);
    await loader.close();
    expect([...new Int32Array(calls)].slice(2, 9)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it('give batches that are the caller’s forever', async () => {
    const loader = new DataLoader<number>(fixture('noisy'), { batchSize: 4, numWorkers: 2 });
    const kept = await batchesOf(loader);
    const before = kept.map(({ data }) => Array.from(data));
    await collect(loader);
    await loader.close();
    expect(kept.map(({ data }) => Array.from(data))).toEqual(before);
    expect(new Set(kept.map(({ data }) => data.buffer)).size).toBe(kept.length);
  });
});
