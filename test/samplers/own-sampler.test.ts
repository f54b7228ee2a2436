// A sampler that is written outside of src/, with public names only, as CONTRIBUTING.md describes.
import { ArrayDataset, DataLoader } from 'millrace';
import { describe, expect, it } from 'vitest';
import { BlockShuffleSampler } from '../fixtures/own-sampler/block-shuffle-sampler.js';
import { samplerContract } from './sampler-contract.js';

const traits = { permutes: true, random: true, drawn: false };
samplerContract('A sampler outside of src/', traits, (length, seed) => {
  return new BlockShuffleSampler(length, { blockSize: 4, seed });
});

describe('a loader with a sampler outside of src/', () => {
  const dataset = new ArrayDataset(Array.from({ length: 50 }, (_, index) => index));
  const createLoader = (numWorkers: number) => {
    const sampler = new BlockShuffleSampler(dataset.length, { blockSize: 4, seed: 7 });
    return new DataLoader(dataset, { sampler, batchSize: 3, numWorkers });
  };

  it.each([0, 2])('delivers the order of the sampler with %i workers', async (numWorkers) => {
    const loader = createLoader(numWorkers);
    const delivered: number[] = [];
    for await (const batch of loader) delivered.push(...batch.data);
    await loader.close();
    expect(delivered).toEqual([...new BlockShuffleSampler(dataset.length, { blockSize: 4, seed: 7 })]);
  });

  it('resumes from a state with the next batch', async () => {
    const loader = createLoader(0);
    const iterator = loader[Symbol.asyncIterator]();
    for (let k = 0; k < 4; k++) await iterator.next();
    const resumed = createLoader(0);
    resumed.loadStateDict(JSON.parse(JSON.stringify(loader.stateDict())));
    for await (const batch of resumed) {
      const due = await iterator.next();
      expect(batch).toEqual(due.value);
    }
    expect((await iterator.next()).done).toBe(true);
  });
});
