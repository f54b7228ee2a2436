// Laws of every generator that reproduces another library, for any seed.
import fc from 'fast-check';
import { NumpyGenerator, PythonRandom, TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';

const seed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const length = fc.integer({ min: 0, max: 3000 });

const shuffledList = (generator: { shuffle(list: number[]): void }, n: number): number[] => {
  const list = Array.from({ length: n }, (_, i) => i);
  generator.shuffle(list);
  return list;
};

const orders = {
  'TorchGenerator.randperm': (from: bigint, n: number) => [...new TorchGenerator(from).randperm(n)],
  'TorchGenerator.randperm of release 2.13': (from: bigint, n: number) => [
    ...new TorchGenerator(from, { release: '2.13' }).randperm(n),
  ],
  'TorchGenerator.multinomial of all indices': (from: bigint, n: number) =>
    n === 0 ? [] : [...new TorchGenerator(from).multinomial(new Float64Array(n).fill(1), n)],
  'NumpyGenerator.permutation': (from: bigint, n: number) => [...new NumpyGenerator(from).permutation(n)],
  'NumpyGenerator.shuffle': (from: bigint, n: number) => shuffledList(new NumpyGenerator(from), n),
  'NumpyGenerator.choice of all indices': (from: bigint, n: number) =>
    n === 0 ? [] : [...new NumpyGenerator(from).choice(n, n, { replace: false })],
  'PythonRandom.shuffle': (from: bigint, n: number) => shuffledList(new PythonRandom(from), n),
};

describe.each(Object.entries(orders))('%s', (_, order) => {
  it('returns each index once, and the same order for the same seed', () => {
    fc.assert(
      fc.property(seed, length, (from, n) => {
        const given = order(from, n);
        expect(new Set(given).size).toBe(n);
        expect(given.every((index) => index >= 0 && index < n)).toBe(true);
        expect(order(from, n)).toEqual(given);
      }),
      { numRuns: 40 },
    );
  });
});

const torchDraws: ((generator: TorchGenerator) => unknown)[] = [
  (generator) => generator.random(),
  (generator) => generator.randomInt64(),
  (generator) => generator.rand(3),
  (generator) => generator.rand(5, { dtype: 'float64' }),
  (generator) => generator.randint(0, 10, 7),
  (generator) => generator.randint(-(2n ** 40n), 2n ** 40n, 3),
  (generator) => generator.randperm(700),
  (generator) => generator.multinomial([1, 2, 3], 4, { replacement: true }),
  (generator) => generator.skip(613),
];

const numpyDraws: ((generator: NumpyGenerator) => unknown)[] = [
  (generator) => generator.raw(),
  (generator) => generator.random(3),
  (generator) => generator.random(3, { dtype: 'float32' }),
  (generator) => generator.integers(0, 9, 5, { dtype: 'uint8' }),
  (generator) => generator.integers(0, 1000, 3),
  (generator) => generator.integers(0n, 2n ** 60n, 2),
  (generator) => generator.permutation(33),
  (generator) => generator.choice(5, 4, { p: [0.1, 0.2, 0.3, 0.2, 0.2] }),
];

const program = (draws: readonly unknown[]) => fc.array(fc.nat(draws.length - 1), { maxLength: 12 });

describe('a state saved after any number of draws', () => {
  it('continues a TorchGenerator, from a copy of its bytes', () => {
    fc.assert(
      fc.property(seed, program(torchDraws), program(torchDraws), (from, before, after) => {
        const generator = new TorchGenerator(from);
        for (const k of before) torchDraws[k]!(generator);
        const state = generator.getState();
        const bytes = state.slice();
        const other = new TorchGenerator(1).setState(state);
        expect(after.map((k) => torchDraws[k]!(other))).toEqual(after.map((k) => torchDraws[k]!(generator)));
        expect(other.getState()).toEqual(generator.getState());
        expect(other.initialSeed).toBe(from);
        expect(state).toEqual(bytes);
      }),
    );
  });

  it('continues a NumpyGenerator, through JSON', () => {
    fc.assert(
      fc.property(seed, program(numpyDraws), program(numpyDraws), (from, before, after) => {
        const generator = new NumpyGenerator(from);
        for (const k of before) numpyDraws[k]!(generator);
        const other = new NumpyGenerator(1).setState(JSON.parse(JSON.stringify(generator.getState())));
        expect(after.map((k) => numpyDraws[k]!(other))).toEqual(after.map((k) => numpyDraws[k]!(generator)));
        expect(other.getState()).toEqual(generator.getState());
      }),
    );
  });
});
