import fc from 'fast-check';
import { RandomSampler } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { defaultGenerator, TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { chiSquare, inPlausibleRange } from '../random/chi-square.js';

function take(sampler: Iterable<number>, count: number): number[] {
  const indices: number[] = [];
  for (const index of sampler) {
    if (indices.length === count) break;
    indices.push(index);
  }
  return indices;
}

describe('RandomSampler', () => {
  it('goes through all samples before one comes again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 150 }), (length, numSamples) => {
        const indices = [...new RandomSampler(length, { numSamples })];
        for (let first = 0; first < numSamples; first += length) {
          const pass = indices.slice(first, first + length);
          expect(new Set(pass).size).toBe(pass.length);
        }
      }),
    );
  });

  it('orders its passes differently', () => {
    const indices = [...new RandomSampler(100, { numSamples: 300 })];
    const passes = [0, 100, 200].map((first) => String(indices.slice(first, first + 100)));
    expect(new Set(passes).size).toBe(3);
  });

  it('has nothing in common between seed 3 in epoch 2 and seed 5 in epoch 0', () => {
    const [one, other] = [new RandomSampler(1000, { seed: 3 }), new RandomSampler(1000, { seed: 5 })];
    one.setEpoch(2);
    expect([...one]).not.toEqual([...other]);
  });

  it('begins at once in the middle of 2^53 samples', () => {
    const sampler = new RandomSampler(2 ** 53 - 1);
    sampler.seek(2 ** 52 + 12345);
    expect(new Set(take(sampler, 2000)).size).toBe(2000);
  });

  it('draws with replacement evenly, each position on its own', () => {
    const counts = new Array<number>(10).fill(0);
    for (const index of new RandomSampler(10, { replacement: true, numSamples: 20_000 })) counts[index]! += 1;
    expect(inPlausibleRange(chiSquare(counts), 9)).toBe(true);
  });

  it('reads the length of its dataset anew each epoch', () => {
    const dataset = { length: 3 };
    const sampler = new RandomSampler(dataset);
    dataset.length = 6;
    expect([...sampler].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('is empty over an empty dataset', () => {
    for (const options of [
      {},
      { numSamples: 4 },
      { replacement: true },
      { generator: new TorchGenerator(0) },
    ]) {
      const sampler = new RandomSampler(0, options);
      expect(sampler).toHaveLength(0);
      expect([...sampler]).toEqual([]);
    }
  });

  it('draws nothing from a generator before the first index is requested', () => {
    const generator = new TorchGenerator(4);
    const before = generator.getState();
    new RandomSampler(10, { generator })[Symbol.iterator]();
    expect(generator.getState()).toEqual(before);
  });

  it('leaves the default generator alone unless it is passed', () => {
    const before = defaultGenerator.getState();
    expect([...new RandomSampler(10)]).toHaveLength(10);
    expect(defaultGenerator.getState()).toEqual(before);
  });

  it.each([
    ['seed', { seed: -1 }],
    ['numSamples', { numSamples: 0 }],
    ['replacement', { replacement: 1 }],
    ['generator', { generator: {} }],
    ['numsamples', { numsamples: 3 }],
    ['seed', { seed: 1, generator: new TorchGenerator(0) }],
    ['generator', { generator: new TorchGenerator(0), seedFrom: new TorchGenerator(0) }],
  ])('refuses a wrong %s', (field, options) => {
    expect(() => new RandomSampler(5, options as object)).toThrow(ConfigError);
    expect(() => new RandomSampler(5, options as object)).toThrow(field);
  });
});

describe('repeated augmentation', () => {
  it('draws each sample several times in a row, in an epoch of the same length, from any position', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 2, max: 5 }),
        fc.nat(),
        (n, repeats, at) => {
          const sampler = new RandomSampler(n, { repeats, seed: 4 });
          const indices = [...sampler];
          expect(indices).toHaveLength(n);
          const once = indices.filter((_, i) => i % repeats === 0);
          expect(new Set(once).size).toBe(once.length);
          expect(indices).toEqual(indices.map((_, i) => once[Math.floor(i / repeats)]));
          const start = at % (n + 1);
          sampler.seek(start);
          expect([...sampler]).toEqual(indices.slice(start));
          const seen = sampler.whenSeen(once[0]!, { epochs: 1 });
          expect(seen).toHaveLength(Math.min(repeats, n));
        },
      ),
    );
  });

  it("is refused with PyTorch's order", () => {
    expect(() => new RandomSampler(4, { repeats: 2, generator: new TorchGenerator(1) })).toThrow(ConfigError);
  });
});
