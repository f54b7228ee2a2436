import fc from 'fast-check';
import { MapDataset, RandomSampler, randomSplit, SequentialSampler, Subset, workerDataset } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { range } from '../loader/collect.js';

describe('randomSplit', () => {
  it('deals every sample to exactly one part, of the sizes asked for', () => {
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
