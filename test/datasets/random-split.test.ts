import fc from 'fast-check';
import { ConfigError, randomSplit } from 'millrace';
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
});
