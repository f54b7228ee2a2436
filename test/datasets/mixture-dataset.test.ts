import fc from 'fast-check';
import {
  ArrayDataset,
  ConcatDataset,
  DataLoader,
  MapDataset,
  MixtureDataset,
  StackDataset,
  Subset,
} from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { ConfigError, IndexRangeError } from 'millrace/errors';
import { sampleContext } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { batchesOf, range } from '../loader/collect.js';

const numbers = (length: number) => Array.from({ length }, (_, i) => i);
const weight = fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 1, noNaN: true }));
const plans = fc
  .record({
    lengths: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
    seed: fc.nat(1000),
    shuffle: fc.boolean(),
    batchSize: fc.integer({ min: 1, max: 8 }),
  })
  .chain((plan) => {
    const { length } = plan.lengths;
    const weights = fc
      .array(weight, { minLength: length, maxLength: length })
      .map((row) => (row.every((share) => share === 0) ? row.map(() => 1) : row));
    const stage = fc.record({ step: fc.integer({ min: 1, max: 40 }), weights });
    const stages = fc.uniqueArray(stage, { selector: ({ step }) => step, maxLength: 4 });
    return fc.record({ ...constants(plan), first: weights, stages });
  })
  .map(({ lengths, first, stages, ...options }) => ({
    lengths,
    options: {
      ...options,
      schedule: [{ step: 0, weights: first }, ...stages.sort((a, b) => a.step - b.step)],
    },
  }));

function constants<T extends object>(values: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, fc.constant(value)])) as never;
}

describe('MixtureDataset', () => {
  it('holds the exact share of every source at every sample, within log2(sources) + 1', () => {
    fc.assert(
      fc.property(plans, ({ lengths, options }) => {
        const mixture = new MixtureDataset(lengths.map(range), options);
        const exact = new Float64Array(lengths.length);
        const counts = new Float64Array(lengths.length);
        let worst = 0;
        for (let place = 0; place < 200; place++) {
          const step = Math.floor(place / options.batchSize);
          const { weights } = options.schedule.findLast((stage) => stage.step <= step)!;
          const sum = weights.reduce((total, share) => total + share);
          const epoch = Math.floor(place / mixture.length);
          counts[mixture.originOf(place % mixture.length, epoch).source]! += 1;
          for (let source = 0; source < counts.length; source++) {
            exact[source]! += weights[source]! / sum;
            worst = Math.max(worst, Math.abs(counts[source]! - exact[source]!));
          }
          expect(mixture.progressAfter(place + 1).map(({ samples }) => samples)).toEqual([...counts]);
        }
        expect(worst).toBeLessThanOrEqual(Math.log2(lengths.length) + 1);
      }),
    );
  });

  it('walks each source pass by pass, over epochs, and reports the passes', () => {
    fc.assert(
      fc.property(plans, ({ lengths, options }) => {
        const mixture = new MixtureDataset(lengths.map(range), { ...options, length: 37 });
        const perEpoch = mixture.length;
        const seen: number[][] = lengths.map(() => []);
        for (let place = 0; place < perEpoch * 5; place++) {
          const { source, index } = mixture.originOf(place % perEpoch, Math.floor(place / perEpoch));
          seen[source]!.push(index);
        }
        for (const [source, { epoch, position }] of mixture.progressAfter(perEpoch * 5).entries()) {
          const length = lengths[source]!;
          expect(seen[source]).toHaveLength(epoch * length + position);
          for (let pass = 0; pass < epoch; pass++) {
            const part = seen[source]!.slice(pass * length, (pass + 1) * length);
            if (!options.shuffle) expect(part).toEqual(numbers(length));
            else expect(part.sort((a, b) => a - b)).toEqual(numbers(length));
          }
        }
      }),
    );
  });

  it('says at which indices a sample of a source comes', () => {
    fc.assert(
      fc.property(plans, fc.nat(), fc.nat(3), ({ lengths, options }, pick, epoch) => {
        const mixture = new MixtureDataset(lengths.map(range), options);
        const source = pick % lengths.length;
        const index = pick % lengths[source]!;
        const walked = numbers(mixture.length).filter((i) => {
          const origin = mixture.originOf(i, epoch);
          return origin.source === source && origin.index === index;
        });
        expect(mixture.indicesOf({ source, index }, epoch)).toEqual(walked);
      }),
    );
  });

  it('gives the samples of its sources, in workers as without', async () => {
    const sources = [numbers(10), numbers(100).map((i) => 1000 + i)];
    const make = () =>
      new MixtureDataset(
        sources.map((source) => new ArrayDataset(source)),
        { weights: [1, 3], seed: 5, length: 40 },
      );
    const here = new DataLoader<number>(make(), { batchSize: 4 });
    const there = new DataLoader<number>(make(), { batchSize: 4, numWorkers: 2 });
    for (const _ of [0, 1]) expect(await batchesOf(there)).toEqual(await batchesOf(here));
    const mixture = make();
    const { source, index } = mixture.originOf(7, 2);
    expect(await mixture.get(7, sampleContext(7, { epoch: 2 }))).toBe(sources[source]![index]);
    expect(make().fingerprint()).toBe(mixture.fingerprint());
    expect(new MixtureDataset(mixture.datasets, { weights: [1, 4] }).fingerprint()).not.toBe(
      mixture.fingerprint(),
    );
    await there.close();
  });

  it.each([
    ['weights', [range(2)], {}],
    ['weights', [range(2)], { weights: [1, 2] }],
    ['weights', [range(2)], { weights: [0] }],
    ['weights.1', [range(2), range(0)], { weights: [1, 1] }],
    ['weights.0', [range(2)], { weights: [-1] }],
    ['schedule', [range(2)], { weights: [1], schedule: [{ step: 0, weights: [1] }] }],
    ['batchSize', [range(2)], { schedule: [{ step: 0, weights: [1] }] }],
    ['schedule.0.step', [range(2)], { batchSize: 1, schedule: [{ step: 3, weights: [1] }] }],
    ['datasets', [], { weights: [] }],
    ['datasets.0', [7 as never], { weights: [1] }],
  ])('names %s at fault', (field, datasets, options) => {
    const make = () => new MixtureDataset(datasets, options);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(`${field}:`);
  });

  it('refuses samples that are not there', () => {
    const mixture = new MixtureDataset([range(3), range(4)], { weights: [1, 1] });
    expect(() => mixture.originOf(7)).toThrow(IndexRangeError);
    expect(() => mixture.indicesOf({ source: 0, index: 3 }, 0)).toThrow(IndexRangeError);
    expect(() => mixture.indicesOf({ source: 2, index: 0 }, 0)).toThrow(IndexRangeError);
  });

  it('is known as what it is through the datasets around it', () => {
    const mixture = new MixtureDataset([range(3), range(4)], { weights: [1, 1] });
    const mapped = new MapDataset(mixture, (value) => value + 1);
    expect(mapped.indicesOf!({ source: 0, index: 2 } as never, 1)).toEqual(
      mixture.indicesOf({ source: 0, index: 2 }, 1),
    );
    for (const around of [
      mapped,
      new Subset(mixture, [0]),
      new ConcatDataset([range(2), mixture]),
      new StackDataset({ mixture }),
    ])
      expect(around.variesByEpoch).toBe(true);
    for (const around of [new Subset(range(2), [0]), new ConcatDataset([range(2)])])
      expect(around.variesByEpoch).toBe(false);
  });

  it('is refused by a curriculum: an index means another sample in each epoch', () => {
    const mixture = new MixtureDataset([range(3), range(4)], { weights: [1, 1] });
    const metric = {
      index: numbers(7),
      minDifficulty: 0,
      maxDifficulty: 8,
    } as const;
    const schedule = { type: 'linear', totalSteps: 5, difficultyStep: 1 } as const;
    const make = () =>
      new CurriculumSampler(mixture, { batchSize: 2, metrics: { m: { ...metric, schedule } } });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow('MixtureDataset');
  });
});
