import fc from 'fast-check';
import {
  ArrayDataset,
  MapDataset,
  RandomSampler,
  randomSplit,
  SequentialSampler,
  Subset,
  workerDataset,
} from 'millrace';
import { ConfigError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { range } from '../loader/collect.js';

describe('randomSplit', () => {
  it('gives every sample to exactly one part, of the requested sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }), fc.nat(), (lengths, seed) => {
        const total = lengths.reduce((a, b) => a + b, 0);
        const parts = randomSplit(range(total), lengths, { seed });
        expect(parts.map(({ length }) => length)).toEqual(lengths);
        const all = parts.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: total }, (_, i) => i));
      }),
    );
  });

  it('takes fractions, and gives what remains to the first parts', () => {
    expect(randomSplit(range(11), [0.5, 0.3, 0.2]).map(({ length }) => length)).toEqual([6, 3, 2]);
    expect(randomSplit(range(10), [0.7, 0.2, 0.1]).map(({ length }) => length)).toEqual([7, 2, 1]);
  });

  it('refuses lengths that add up to nothing sensible', () => {
    expect(() => randomSplit(range(10), [3, 3])).toThrow(ConfigError);
    expect(() => randomSplit(range(10), [0.5, 0.6])).toThrow(/add up to neither/);
    expect(() => randomSplit(range(10), [5, 5], { seed: 1, generator: new TorchGenerator(1) })).toThrow(
      /seed/,
    );
  });

  it('gives a share that is whole but for rounding whole, and PyTorch its own with a generator', () => {
    const counts = (total: number, fractions: number[], options = {}) =>
      randomSplit(range(total), fractions, options).map(({ length }) => length);
    for (let total = 1; total <= 1000; total *= 10) {
      for (let percent = 0; percent <= 100; percent++) {
        const part = (total * percent) / 100;
        if (!Number.isInteger(part)) continue;
        expect(counts(total, [1 - percent / 100, percent / 100])).toEqual([total - part, part]);
      }
    }
    expect(counts(100, [0.71, 0.29], { generator: new TorchGenerator(1) })).toEqual([72, 28]);
  });

  it('refuses what has no length here, and says where to split it', () => {
    const named = workerDataset(new URL('../fixtures/faulty.js', import.meta.url));
    for (const derive of [
      () => randomSplit(named as never, [0.8, 0.2]),
      () => new Subset(named as never, [0]),
      () => new MapDataset(named as never, (sample: unknown) => sample),
      () => new RandomSampler(named as never).length,
      () => [...new RandomSampler(named as never)],
      () => [...new SequentialSampler(named as never)],
      () => randomSplit({ *iterate() {} } as never, [0.5, 0.5]),
    ]) {
      expect(derive).toThrow(ConfigError);
    }
    expect(() => randomSplit(named as never, [1])).toThrow(
      /named by its module.*Move randomSplit into that module/,
    );
  });
});

describe('stratified splits', () => {
  const cases = fc.record({
    labels: fc.array(fc.nat(6), { minLength: 1, maxLength: 80 }),
    cuts: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
    seed: fc.nat(100),
  });

  it('give every part its share of every class, rounded up or down, and no sample twice', () => {
    fc.assert(
      fc.property(cases, ({ labels, cuts, seed }) => {
        const n = labels.length;
        const ends = [...cuts.map((cut) => cut % (n + 1)), n].sort((a, b) => a - b);
        const counts = ends.map((end, k) => end - (ends[k - 1] ?? 0));
        const dataset = new ArrayDataset(labels);
        const parts = randomSplit(dataset, counts, { seed, stratify: labels });
        expect(parts.map(({ length }) => length)).toEqual(counts);
        expect(parts.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b)).toEqual(
          labels.map((_, k) => k),
        );
        for (const label of new Set(labels)) {
          const size = labels.filter((one) => one === label).length;
          for (const [k, { indices }] of parts.entries()) {
            const share = (size * counts[k]!) / n;
            const found = [...indices].filter((index) => labels[index] === label).length;
            expect(found).toBeGreaterThanOrEqual(Math.floor(share + 1e-9));
            expect(found).toBeLessThanOrEqual(Math.ceil(share - 1e-9));
          }
        }
      }),
    );
  });

  it('differ by seed, take texts, and refuse labels that are not one a sample', () => {
    const labels = Array.from({ length: 40 }, (_, k) => (k % 4 === 0 ? 'rare' : 'usual'));
    const dataset = new ArrayDataset(labels);
    const split = (seed: number) => randomSplit(dataset, [0.75, 0.25], { seed, stratify: labels });
    expect(split(1)[1]!.indices).toEqual(split(1)[1]!.indices);
    expect(split(1)[1]!.indices).not.toEqual(split(2)[1]!.indices);
    expect([2, 3]).toContain([...split(1)[1]!.indices].filter((k) => labels[k] === 'rare').length);
    expect(() => randomSplit(dataset, [0.5, 0.5], { stratify: [1, 2] })).toThrow(/2 labels.*40 samples/);
  });
});
