import fc from 'fast-check';
import { ArrayDataset, DataLoader, RandomSampler, SequentialSampler } from 'millrace';
import { BatchSizeRamp, CurriculumSampler } from 'millrace/curriculum';
import { ConfigError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { verifyReceipt } from 'millrace/receipts';
import { describe, expect, it } from 'vitest';

const runs = fc.record({
  samples: fc.integer({ min: 1, max: 80 }),
  sizes: fc.array(
    fc.record({ steps: fc.integer({ min: 1, max: 9 }), batchSize: fc.integer({ min: 1, max: 12 }) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  dropLast: fc.boolean(),
  seed: fc.nat(9),
});

type Run = typeof runs extends fc.Arbitrary<infer T> ? T : never;

const scheduleOf = (sizes: Run['sizes']) =>
  sizes.map(({ batchSize }, k) => ({
    step: sizes.slice(0, k).reduce((sum, { steps }) => sum + steps, 0),
    batchSize,
  }));

const rampOf = ({ samples, sizes, dropLast, seed }: Run) =>
  new BatchSizeRamp(new RandomSampler(samples, { seed }), { schedule: scheduleOf(sizes), dropLast });

/** The global batches of the first epochs by definition: each takes what the schedule says at its global step. */
function batchesByDefinition({ samples, sizes, dropLast, seed }: Run, epochs: number): number[][][] {
  const schedule = scheduleOf(sizes);
  let globalStep = 0;
  return Array.from({ length: epochs }, (_, epoch) => {
    const sampler = new RandomSampler(samples, { seed });
    sampler.setEpoch(epoch);
    const order = [...sampler];
    const batches: number[][] = [];
    while (order.length > 0) {
      const { batchSize } = schedule.findLast(({ step }) => step <= globalStep)!;
      if (dropLast && order.length < batchSize) break;
      batches.push(order.splice(0, batchSize));
      globalStep += 1;
    }
    return batches;
  });
}

describe('BatchSizeRamp', () => {
  it('gives each global step the size that the schedule says, and each epoch every sample once', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const ramp = rampOf(run);
        const expected = batchesByDefinition(run, 4);
        const found = expected.map((_, epoch) => {
          ramp.setEpoch(epoch);
          return [...ramp];
        });
        expect(found).toEqual(expected);
        expect(expected.map((_, epoch) => ramp.lengthOf(epoch))).toEqual(
          expected.map(({ length }) => length),
        );
        if (!run.dropLast)
          for (const batches of found)
            expect(batches.flat().sort((a, b) => a - b)).toEqual(
              Array.from({ length: run.samples }, (_, k) => k),
            );
      }),
    );
  });

  it('seeks to any step of any epoch, with the positions of its samples', () => {
    fc.assert(
      fc.property(runs, fc.nat(3), fc.nat(), (run, epoch, pick) => {
        const batches = batchesByDefinition(run, epoch + 1)[epoch]!;
        const step = pick % (batches.length + 1);
        const ramp = rampOf(run);
        ramp.setEpoch(epoch);
        ramp.seek!(step);
        expect([...ramp]).toEqual(batches.slice(step));
        const before = batches.slice(0, step).flat().length;
        if (step < batches.length) expect(ramp.positionsOf(step)).toEqual({ start: before, step: 1 });
      }),
    );
  });

  it('says when a sample is seen: on every rank and micro-batch of the walked order', () => {
    fc.assert(
      fc.property(
        runs,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 2 }),
        fc.nat(),
        (run, ranks, steps, pick) => {
          const smallest = Math.min(...run.sizes.map(({ batchSize }) => batchSize));
          const worldSize = Math.min(ranks, smallest);
          const gradientAccumulationSteps = worldSize * steps <= smallest ? steps : 1;
          const dataset = new ArrayDataset(Array.from({ length: run.samples }, (_, k) => k));
          const sample = pick % run.samples;
          const walked: unknown[] = [];
          const sharing = { batchSampler: rampOf(run), worldSize, gradientAccumulationSteps };
          const loader = new DataLoader(dataset, { ...sharing, elastic: false });
          for (let epoch = 0; epoch < 3; epoch++)
            for (let rank = 0; rank < worldSize; rank++)
              for (const { step, microBatch, indices } of loader.order(
                { epoch, step: 0 },
                { ...sharing, rank },
              ))
                indices.forEach((index, slot) => {
                  if (index === sample) walked.push({ epoch, step, microBatch, rank, slot });
                });
          const sorted = (sightings: readonly unknown[]) =>
            sightings.map((sighting) => JSON.stringify(sighting)).sort();
          expect(sorted(loader.whenSeen(sample, { epochs: 3 }))).toEqual(sorted(walked));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('continues from any state, on other ranks and with other micro-batches, with the same global batches', async () => {
    const run: Run = {
      samples: 50,
      sizes: [
        { steps: 3, batchSize: 4 },
        { steps: 4, batchSize: 8 },
        { steps: 1, batchSize: 12 },
      ],
      dropLast: false,
      seed: 2,
    };
    const dataset = new ArrayDataset(Array.from({ length: run.samples }, (_, k) => k));
    const loaderOf = (rank: number, worldSize: number, gradientAccumulationSteps = 1) =>
      new DataLoader(dataset, {
        batchSampler: rampOf(run),
        rank,
        worldSize,
        gradientAccumulationSteps,
        elastic: true,
      });
    const expected = batchesByDefinition(run, 3).flat();
    for (const stop of [0, 2, 7, 8, 9, 13]) {
      const first = loaderOf(0, 2);
      let taken = 0;
      while (taken < stop) for await (const _ of first) if (++taken === stop) break;
      const state = JSON.parse(JSON.stringify(first.stateDict()));
      // Epochs have 8, 5 and 5 batches: the end of one is the start of the next.
      if (stop === 8 || stop === 13) expect(state).toMatchObject({ epoch: stop === 8 ? 1 : 2, step: 0 });
      const parts: number[][][] = [];
      for (let rank = 0; rank < 2; rank++) {
        const rest = loaderOf(rank, 2, 2);
        rest.loadStateDict(state);
        let microBatch = 2 * stop;
        while (microBatch < 2 * expected.length)
          for await (const { data } of rest) {
            const step = Math.floor(microBatch / 2);
            parts[step] ??= [];
            parts[step]![2 * (microBatch % 2) + rank] = [...data];
            if (++microBatch === 2 * expected.length) break;
          }
      }
      // The last batch of an epoch may have fewer samples than parts, which then share them.
      expect(parts.slice(stop).map((batch) => [...new Set(batch.flat())])).toEqual(expected.slice(stop));
    }
  });

  it('has receipts that are verified over epochs of different lengths', async () => {
    const run: Run = {
      samples: 30,
      sizes: [
        { steps: 4, batchSize: 3 },
        { steps: 1, batchSize: 7 },
      ],
      dropLast: true,
      seed: 1,
    };
    const dataset = new ArrayDataset(Array.from({ length: run.samples }, (_, k) => k));
    const make = (seed: number) =>
      new DataLoader(dataset, { batchSampler: rampOf({ ...run, seed }), gradientAccumulationSteps: 2 });
    const loader = make(1);
    const lengths: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      lengths.push(loader.length);
      let batches = 0;
      for await (const _ of loader) batches += 1;
      expect(batches).toBe(lengths[epoch]);
    }
    expect(lengths).toEqual([12, 8, 8]);
    const verified = verifyReceipt(make(1), loader.receipt());
    expect(verified).toMatchObject({ batches: 28, difference: undefined });
    expect(() => verifyReceipt(make(2), loader.receipt())).toThrow('sampler');

    // Stopped with the last batch of an epoch, before the loader has said that the epoch is over.
    const stopped = make(1);
    for await (const _ of stopped);
    let taken = 0;
    for await (const _ of stopped) if (++taken === lengths[1]) break;
    const resumed = make(1);
    resumed.loadStateDict(JSON.parse(JSON.stringify(stopped.stateDict())));
    for await (const _ of resumed);
    expect(resumed.receipt().segments).toMatchObject([{ epoch: 2, step: 0, continued: true }]);
    expect(verifyReceipt(make(1), resumed.receipt())).toMatchObject({ batches: 8, difference: undefined });
  });

  it('takes an order that is drawn, and its state', async () => {
    const dataset = new ArrayDataset(Array.from({ length: 20 }, (_, k) => k));
    const make = () => {
      const sampler = new RandomSampler(dataset, { generator: new TorchGenerator(7) });
      return new DataLoader(dataset, {
        batchSampler: new BatchSizeRamp(sampler, {
          schedule: [
            { step: 0, batchSize: 3 },
            { step: 2, batchSize: 5 },
          ],
        }),
      });
    };
    const whole: number[][] = [];
    const first = make();
    for (let epoch = 0; epoch < 2; epoch++) for await (const { data } of first) whole.push([...data]);
    const part = make();
    let taken = 0;
    for await (const _ of part) if (++taken === 3) break;
    const rest = make();
    rest.loadStateDict(JSON.parse(JSON.stringify(part.stateDict())));
    const found: number[][] = [];
    for (let epoch = 0; epoch < 2; epoch++) for await (const { data } of rest) found.push([...data]);
    expect(found).toEqual(whole.slice(3));
  });

  it('refuses a schedule or sampler that cannot be', () => {
    const make = (schedule: unknown) => () =>
      new BatchSizeRamp(new SequentialSampler(9), { schedule } as never);
    expect(make([])).toThrow('must have a stage');
    expect(make([{ step: 1, batchSize: 2 }])).toThrow(
      'schedule.0.step: is 1, but the first stage begins at step 0',
    );
    expect(
      make([
        { step: 0, batchSize: 2 },
        { step: 0, batchSize: 3 },
      ]),
    ).toThrow('schedule.1.step: is 0, but must be above 0');
    expect(make([{ step: 0, batchSize: 0 }])).toThrow(ConfigError);
    const index = Float64Array.from({ length: 9 }, (_, k) => k);
    const schedule = { type: 'linear', totalSteps: 4, difficultyStep: 1 } as const;
    const metrics = { seqlen: { index, minDifficulty: 1, maxDifficulty: 8, schedule } };
    const curriculum = new CurriculumSampler(9, { batchSize: 3, metrics });
    expect(() => new BatchSizeRamp(curriculum, { schedule: [{ step: 0, batchSize: 2 }] })).toThrow(
      'CurriculumSampler makes global batches of 3 itself',
    );
    const ramp = new BatchSizeRamp(new SequentialSampler(9), { schedule: [{ step: 0, batchSize: 2 }] });
    const dataset = new ArrayDataset([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(() => new DataLoader(dataset, { batchSampler: ramp, worldSize: 3 })).toThrow(
      'global batches of 2 parts',
    );
  });
});
