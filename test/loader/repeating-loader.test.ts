import { DataLoader, RepeatingLoader } from 'millrace';
import { EmptyLoaderError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { collect, range } from './collect.js';

async function take(batches: AsyncIterator<unknown>, count: number): Promise<number[][]> {
  const taken: number[][] = [];
  for (let k = 0; k < count; k++) {
    const { value } = await batches.next();
    taken.push(Array.from((value as { data: Float32Array }).data));
  }
  return taken;
}

describe('RepeatingLoader', () => {
  it('never ends, and begins the next epoch at each restart', async () => {
    const options = { batchSize: 4, shuffle: true, seed: 2 };
    const single = new DataLoader(range(10), options);
    const expected = [...(await collect(single)), ...(await collect(single)), ...(await collect(single))];
    const repeating = new RepeatingLoader(new DataLoader(range(10), options));
    expect(await take(repeating, 9)).toEqual(expected);
    expect(repeating.restarts).toBe(2);
  });

  it('advances the epoch of a loader that does not do so by itself', async () => {
    let epoch = 0;
    const loader = {
      setEpoch: (next: number) => {
        epoch = next;
      },
      async *[Symbol.asyncIterator]() {
        yield { data: [epoch] };
      },
    };
    expect(await take(new RepeatingLoader(loader), 3)).toEqual([[0], [1], [2]]);
    epoch = 0;
    expect(await take(new RepeatingLoader(loader, { parity: true }), 3)).toEqual([[0], [0], [0]]);
  });

  it('is an error for a loader that gives nothing, and plainly ends with parity', async () => {
    const empty = () => new DataLoader(range(0), { batchSize: 8 });
    await expect(new RepeatingLoader(empty()).next()).rejects.toThrow(EmptyLoaderError);
    expect(await new RepeatingLoader(empty(), { parity: true }).next()).toEqual({
      done: true,
      value: undefined,
    });
  });

  it('carries the state of its loader', async () => {
    const make = () => new RepeatingLoader(new DataLoader(range(10), { batchSize: 4, shuffle: true }));
    const first = make();
    await take(first, 4);
    const resumed = make();
    resumed.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    expect(await take(resumed, 5)).toEqual(await take(first, 5));
  });

  it('cleans up when a loop over it is left', async () => {
    const loader = new DataLoader(range(100), { batchSize: 4, numWorkers: 1 });
    let seen = 0;
    for await (const _ of new RepeatingLoader(loader)) if (++seen === 30) break;
    expect(seen).toBe(30);
    await loader.close();
  });
});
