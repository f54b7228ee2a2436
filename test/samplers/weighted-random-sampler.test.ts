import fc from 'fast-check';
import { WeightedRandomSampler } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { chiSquare, inPlausibleRange } from '../random/chi-square.js';

const weights = fc
  .array(fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true })), {
    minLength: 1,
    maxLength: 50,
  })
  .filter((values) => values.some((value) => value > 0));

describe('WeightedRandomSampler', () => {
  it.each([[[1, 2, 3, 4]], [[0, 1, 0, 5, 100]], [[1e-3, 1, 1e-3, 1]], [[7]]])(
    'draws %j by weight',
    (given) => {
      const counts = new Array<number>(given.length).fill(0);
      for (const index of new WeightedRandomSampler(given, { numSamples: 40_000 })) counts[index]! += 1;
      const possible = given.map((_, i) => i).filter((i) => given[i]! > 0);
      expect(counts.reduce((sum, count) => sum + count)).toBe(40_000);
      const drawn = possible.map((i) => counts[i]!);
      expect(drawn.reduce((sum, count) => sum + count)).toBe(40_000);
      const statistic = chiSquare(
        drawn,
        possible.map((i) => given[i]!),
      );
      if (possible.length > 1) expect(inPlausibleRange(statistic, possible.length - 1)).toBe(true);
    },
  );

  it('never draws an index of weight 0', () => {
    fc.assert(
      fc.property(weights, fc.boolean(), fc.nat(), (given, replacement, seed) => {
        const positive = given.filter((weight) => weight > 0).length;
        const numSamples = replacement ? 200 : positive;
        for (const index of new WeightedRandomSampler(given, { numSamples, replacement, seed })) {
          expect(given[index]).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('draws the first index without replacement by weight, and the second by what is left', () => {
    const given = [1, 2, 3];
    const counts = new Map<string, number>();
    const sampler = new WeightedRandomSampler(given, { replacement: false, numSamples: 2 });
    for (let epoch = 0; epoch < 6000; epoch++) {
      sampler.setEpoch(epoch);
      const pair = String([...sampler]);
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const pairs = [0, 1, 2].flatMap((i) => [0, 1, 2].filter((j) => j !== i).map((j) => [i, j] as const));
    const shares = pairs.map(([i, j]) => (given[i]! / 6) * (given[j]! / (6 - given[i]!)));
    expect(
      inPlausibleRange(
        chiSquare(
          pairs.map((pair) => counts.get(String(pair)) ?? 0),
          shares,
        ),
        5,
      ),
    ).toBe(true);
  });

  it("gives indices of weight 0 last in PyTorch's order only, as PyTorch does", () => {
    const options = { replacement: false, numSamples: 3 };
    const generator = new TorchGenerator(0);
    expect([...new WeightedRandomSampler([1, 0, 1], { ...options, generator })]).toEqual([2, 0, 1]);
    expect(() => new WeightedRandomSampler([1, 0, 1], options)).toThrow('numSamples');
  });

  it.each([
    ['weights.1', [1, -1], {}],
    ['weights.0', [Number.NaN], {}],
    ['weights', [0, 0], {}],
    ['weights', [], {}],
    ['numSamples', [1, 1], { numSamples: 0 }],
    ['numSamples', [1, 1], { numSamples: 3, replacement: false }],
    ['num_samples', [1, 1], { num_samples: 3 }],
  ])('refuses a wrong %s', (field, given, options) => {
    expect(() => new WeightedRandomSampler(given, options as object)).toThrow(ConfigError);
    expect(() => new WeightedRandomSampler(given, options as object)).toThrow(field);
  });
});

it('balanced draws every class equally often, whatever its size', () => {
  const labels = Array.from({ length: 1_000 }, (_, k) => (k < 900 ? 'usual' : k < 990 ? 'rare' : 'rarest'));
  const counts = new Map<string, number>();
  for (const index of WeightedRandomSampler.balanced(labels, { numSamples: 9_000, seed: 2 }))
    counts.set(labels[index]!, (counts.get(labels[index]!) ?? 0) + 1);
  // Five standard deviations of a binomial distribution.
  for (const count of counts.values()) expect(Math.abs(count - 3_000)).toBeLessThan(5 * Math.sqrt(2_000));
});
