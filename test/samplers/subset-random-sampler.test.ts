import { SubsetRandomSampler } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { defaultGenerator, manualSeed, TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';

describe('SubsetRandomSampler', () => {
  it('gives the indices it was given, repeated ones as often as they are', () => {
    const indices = [9, 4, 4, 2 ** 40, 0];
    const ascending = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
    expect(ascending(new SubsetRandomSampler(indices))).toEqual(ascending(indices));
  });

  it('keeps its indices when the array that it was given changes', () => {
    const indices = [1, 2, 3];
    const sampler = new SubsetRandomSampler(indices);
    const before = [...sampler];
    indices[0] = 7;
    expect([...sampler]).toEqual(before);
  });

  it("draws from the default generator directly when that is passed, as PyTorch's does without one", () => {
    manualSeed(42);
    const order = [
      ...new SubsetRandomSampler([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], { generator: defaultGenerator }),
    ];
    expect(order).toEqual([2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
  });

  it('is empty without indices', () => {
    expect([...new SubsetRandomSampler([])]).toEqual([]);
    expect([...new SubsetRandomSampler([], { generator: new TorchGenerator(0) })]).toEqual([]);
  });

  it('refuses a seed beside a generator, and unknown options', () => {
    const generator = new TorchGenerator(0);
    expect(() => new SubsetRandomSampler([1], { seed: 1, generator })).toThrow(ConfigError);
    expect(() => new SubsetRandomSampler([1], { seeds: 1 } as object)).toThrow('did you mean seed');
  });
});
