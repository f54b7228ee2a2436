import fc from 'fast-check';
import { ConfigError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { Mt19937 } from '../../dist/random/mt19937.js';
import { longRandperm, remainder64 } from '../../dist/random/torch-randperm.js';

// torch 2.13.0, CPU.
describe('TorchGenerator of release 2.13', () => {
  const modern = (seed: number) => new TorchGenerator(seed, { release: '2.13' });

  it('uses 64-bit draws for ranges of at least 2^28', () => {
    expect([...modern(0).randint(0, 2 ** 31, 3)]).toEqual([398764591, 1478610112, 1537364731]);
    expect([...modern(0).randint(0, 2 ** 40, 3)]).toEqual([741280623151, 506137267392, 291447657211]);
    const [below, at] = [modern(0).randint(0, 2 ** 28 - 1, 1)[0], modern(0).randint(0, 2 ** 28, 1)[0]];
    expect(below).toBe(2357136044 % (2 ** 28 - 1));
    expect(at).toBe(Number(10123822223749065263n % 2n ** 28n));
  });

  it('draws a single index with replacement by the race of exponentials', () => {
    const weights = [0.9, 0.4, 0.05, 0.2, 0.3, 0.1];
    const race = modern(0).multinomial(weights, 6);
    expect([...race]).toEqual([1, 4, 0, 2, 3, 5]);
    expect([...modern(0).multinomial(weights, 1, { replacement: true })]).toEqual([1]);
  });

  it('uses a second algorithm for long permutations', () => {
    const order = (seed: number) => {
      const engine = new Mt19937();
      engine.seed(seed);
      return [...longRandperm(engine, 10)];
    };
    expect(order(0)).toEqual([8, 2, 6, 3, 5, 1, 0, 9, 7, 4]);
    expect(order(42)).toEqual([6, 0, 5, 8, 7, 2, 3, 1, 9, 4]);
    expect(modern(0).randpermWords(214748363)).toBe(214748362);
    expect(modern(0).randpermWords(214748364)).toBe(2 * 214748364);
    expect(new TorchGenerator(0).randpermWords(214748364)).toBe(2 * 214748364);
    expect(new TorchGenerator(0, { release: '1.13' }).randpermWords(214748364)).toBe(214748363);
  });
});

describe('TorchGenerator', () => {
  it('has a default seed', () => {
    expect(new TorchGenerator().random()).toBe(2353294710);
    expect(new TorchGenerator().initialSeed).toBe(67280421310721n);
  });

  it('returns flat results for shapes and exact ones for numbers', () => {
    expect(new TorchGenerator(1).rand([2, 3, 4])).toHaveLength(24);
    const numbers = new TorchGenerator(3).randint(-(2 ** 40), 2 ** 52, 20);
    const bigints = new TorchGenerator(3).randint(-(2n ** 40n), 2n ** 52n, 20);
    expect(Array.from(numbers, BigInt)).toEqual([...bigints]);
  });

  it('continues from a state saved anywhere in a block', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 1300 }), (seed, drawn) => {
        const generator = new TorchGenerator(seed);
        for (let i = 0; i < drawn; i++) generator.random();
        const restored = new TorchGenerator().setState(generator.getState());
        expect(restored.getState()).toEqual(generator.getState());
        expect(restored.initialSeed).toBe(BigInt(seed));
        expect([...restored.randperm(700)]).toEqual([...generator.randperm(700)]);
      }),
    );
  });

  it('skips words as if they had been drawn', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), (before, skipped) => {
        const [drawn, jumped] = [new TorchGenerator(5), new TorchGenerator(5)];
        for (let i = 0; i < before + skipped; i++) drawn.random();
        for (let i = 0; i < before; i++) jumped.random();
        jumped.skip(skipped);
        expect(jumped.random()).toBe(drawn.random());
      }),
    );
  });

  it('reseeds from the system with a new seed each time', () => {
    const generator = new TorchGenerator(1);
    const seed = generator.seed();
    expect(generator.initialSeed).toBe(seed);
    expect(generator.seed()).not.toBe(seed);
  });

  it('computes 64-bit remainders exactly', () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 2 ** 36 }), (high, low, divisor) => {
        const exact = ((BigInt(high) << 32n) | BigInt(low)) % BigInt(divisor);
        expect(BigInt(remainder64(high, low, divisor))).toBe(exact);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['a fractional seed', 'seed', () => new TorchGenerator(1.5)],
    ['a seed above 64 bits', 'seed', () => new TorchGenerator(2n ** 64n)],
    ['an unknown release', 'release', () => new TorchGenerator(0, { release: '9' as '1.13' })],
    ['a negative length', 'n', () => new TorchGenerator(0).randperm(-1)],
    ['an empty range', 'high', () => new TorchGenerator(0).randint(3, 3, 1)],
    ['a range beyond int64', 'high', () => new TorchGenerator(0).randint(0n, 2n ** 63n + 1n, 1)],
    ['a fractional size', 'size', () => new TorchGenerator(0).rand([2, 0.5])],
    ['a negative weight', 'weights.1', () => new TorchGenerator(0).multinomial([1, -1], 1)],
    ['weights that are all 0', 'weights', () => new TorchGenerator(0).multinomial([0, 0], 1)],
    ['more draws than weights', 'count', () => new TorchGenerator(0).multinomial([1, 1], 3)],
    ['a short state', 'state', () => new TorchGenerator(0).setState(new Uint8Array(10))],
    ['a state of zeros', 'state', () => new TorchGenerator(0).setState(new Uint8Array(5056))],
  ])('rejects %s, naming %s', (_, field, act) => {
    expect(act).toThrow(ConfigError);
    try {
      act();
    } catch (error) {
      expect((error as ConfigError).field).toBe(field);
    }
  });
});
