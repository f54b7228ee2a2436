import { ArrayDataset, DataLoader, workerDataset } from 'millrace';
import { describe, expect, it } from 'vitest';
import { Tuner } from '../../dist/loader/engine/tuner.js';
import { collect, range } from './collect.js';

const auto = { numWorkers: 1, maxWorkers: 4, prefetchFactor: 2, maxPrefetchFactor: 16 };
/** A period of a tenth of a second in which the consumer waited and the workers worked for these shares of the time. */
const period = (tuner: Tuner, waits: number, busy: number, batches = 100) => ({
  batches,
  elapsedMs: 100,
  waitMs: 100 * waits,
  makeMs: 100 * busy * tuner.numWorkers,
});

describe('Tuner', () => {
  it('adds workers as long as they are busy and the consumer waits, and no more than allowed', () => {
    const tuner = new Tuner(auto);
    const seen: number[] = [];
    for (let k = 0; k < 6; k++) {
      tuner.observe(period(tuner, 0.5, 0.95));
      seen.push(tuner.numWorkers);
    }
    expect(seen).toEqual([2, 3, 4, 4, 4, 4]);
    expect(tuner.prefetchFactor).toBe(2);
    expect(tuner.decision).toBe(
      '4 workers, 2 batches ahead each: the consumer waited 50 % of the time and the workers were busy 95 % of it; ' +
        'no more workers are allowed',
    );
  });

  it('lets workers go further ahead where the consumer waits though they are idle', () => {
    const tuner = new Tuner(auto);
    for (let k = 0; k < 5; k++) tuner.observe(period(tuner, 0.2, 0.1));
    expect(tuner).toMatchObject({ numWorkers: 1, prefetchFactor: 16 });
  });

  it('lets workers go four times as far ahead with batches that take less than a message', () => {
    const tuner = new Tuner(auto);
    for (let k = 0; k < 8; k++) tuner.observe(period(tuner, 0.2, 0.1, 501));
    expect(tuner).toMatchObject({ numWorkers: 1, prefetchFactor: 64 });
    const other = new Tuner(auto);
    for (let k = 0; k < 8; k++) other.observe(period(other, 0.2, 0.1, 499));
    expect(other.prefetchFactor).toBe(16);
    const fixed = new Tuner({ ...auto, maxWorkers: 1, maxPrefetchFactor: 2 });
    for (let k = 0; k < 8; k++) expect(fixed.observe(period(fixed, 0.2, 0.1, 501))).toBe(false);
    expect(fixed.prefetchFactor).toBe(2);
  });

  it('changes nothing while neither side waits', () => {
    const tuner = new Tuner({ ...auto, numWorkers: 2 });
    for (let k = 0; k < 50; k++) expect(tuner.observe(period(tuner, 0.01, 0.5))).toBe(false);
    expect(tuner).toMatchObject({ numWorkers: 2, prefetchFactor: 2 });
  });

  it('adds a worker when the consumer waits for 5 % of the time, and none below that', () => {
    const tuner = new Tuner(auto);
    expect(tuner.observe(period(tuner, 0.049, 0.95))).toBe(false);
    expect(tuner.observe(period(tuner, 0.051, 0.95))).toBe(true);
    expect(tuner.numWorkers).toBe(2);
  });

  it('removes a worker in the eighth idle period in a row, and counts again after a busy one', () => {
    const tuner = new Tuner({ ...auto, numWorkers: 3 });
    const idle = (periods: number) =>
      Array.from({ length: periods }, () => tuner.observe(period(tuner, 0, 0.1)));
    expect(idle(7)).not.toContain(true);
    tuner.observe(period(tuner, 0, 0.5));
    expect(idle(8).indexOf(true)).toBe(7);
    expect(tuner.numWorkers).toBe(2);
  });

  it('removes a worker that has long been idle, but never goes back to too few', () => {
    const tuner = new Tuner(auto);
    tuner.observe(period(tuner, 0.5, 0.95));
    tuner.observe(period(tuner, 0.5, 0.95));
    for (let k = 0; k < 100; k++) tuner.observe(period(tuner, 0, 0.1));
    expect(tuner.numWorkers).toBe(3);
    const idle = new Tuner({ ...auto, numWorkers: 3 });
    const fixed = new Tuner({ ...auto, numWorkers: 3, maxWorkers: 3 });
    for (let k = 0; k < 100; k++) {
      idle.observe(period(idle, 0, 0.05));
      fixed.observe(period(fixed, 0, 0.05));
    }
    expect(fixed.numWorkers).toBe(3);
    expect(idle.numWorkers).toBe(1);
  });
});

describe(`numWorkers: 'auto'`, () => {
  it('gives the batches that any number of workers gives, and says what it chose', async () => {
    const loader = new DataLoader(range(5_000), { batchSize: 2, numWorkers: 'auto', shuffle: true, seed: 3 });
    const plain = new DataLoader(range(5_000), { batchSize: 2, shuffle: true, seed: 3 });
    for (let epoch = 0; epoch < 3; epoch++) expect(await collect(loader)).toEqual(await collect(plain));
    const { numWorkers, prefetchFactor, tuning } = loader.stats();
    expect(numWorkers).toBeGreaterThan(0);
    expect(tuning).toContain(`${numWorkers} worker`);
    expect(tuning).toContain(`${prefetchFactor} batches ahead`);
    await loader.close();
  });

  it('uses no workers where the dataset cannot be moved, and says why', async () => {
    const dataset = { length: 3, get: (index: number) => index };
    const loader = new DataLoader(dataset, {
      numWorkers: 'auto',
      collate: (samples: readonly number[]) => samples.length,
    });
    let batches = 0;
    for await (const batch of loader) batches += batch;
    expect(batches).toBe(3);
    expect(loader.stats()).toMatchObject({ numWorkers: 0, prefetchFactor: 0 });
    expect(loader.stats().tuning).toMatch(/^no workers: The dataset \(a plain object\) cannot be moved/);
  });

  it('has no more workers than an iterable dataset has shards', async () => {
    const streams = workerDataset<number>(new URL('../fixtures/busy.js', import.meta.url), {
      export: 'stream',
    });
    const loader = new DataLoader<number>(streams, { batchSize: 5, numWorkers: 'auto' });
    expect((await collect(loader)).flat()).toHaveLength(240);
    await loader.close();
  });

  it('keeps explicit numbers', async () => {
    const loader = new DataLoader(new ArrayDataset([1, 2, 3]), { numWorkers: 1, prefetchFactor: 3 });
    await collect(loader);
    expect(loader.stats()).toMatchObject({ numWorkers: 1, prefetchFactor: 3 });
    expect(loader.stats().tuning).toBe('1 worker, 3 batches ahead each: as configured');
    await loader.close();
  });
});
