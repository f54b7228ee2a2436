import fc from 'fast-check';
import { ConfigError } from 'millrace/errors';
import { NumpyGenerator, SeedSequence } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { multiplyHigh } from '../../dist/random/multiply.js';
import { Pcg64 } from '../../dist/random/pcg64.js';
import { sha256OfInt64 } from '../parity/digest.js';

describe('NumpyGenerator draws the same numbers as numpy.random.default_rng', () => {
  // numpy 2.4.6
  it('choice uses the same methods at the sizes where they change', () => {
    const first = (seed: number, n: number, size: number, shuffle = true) =>
      [...new NumpyGenerator(seed).choice(n, size, { replace: false, shuffle })].slice(0, 5);
    expect(first(0, 20000, 400)).toEqual([1578, 10019, 19629, 2273, 4473]);
    expect(first(42, 20000, 400)).toEqual([16089, 8881, 13343, 8603, 6065]);
    expect(first(0, 20000, 401)).toEqual([18929, 11562, 10370, 19176, 14536]);
    expect(first(42, 20000, 401)).toEqual([19561, 6082, 5498, 3850, 877]);
    expect(first(0, 10, 4, false)).toEqual([5, 7, 4, 2]);
  });

  it('choice with replacement allocates nothing for the population', () => {
    expect([...new NumpyGenerator(0).choice(2 ** 40, 3)]).toEqual([700346781657, 296633628802, 45050865998]);
  });

  it('choice accepts shares that add up to 1 within float32 precision', () => {
    const p = Float32Array.of(0.1, 0.2, 0.3, 0.4);
    expect([...new NumpyGenerator(0).choice(4, 8, { p })]).toEqual([3, 1, 0, 0, 3, 3, 3, 3]);
    expect(() => new NumpyGenerator(0).choice(4, 8, { p: Array.from(p) })).toThrow(ConfigError);
  });

  it('shuffles across the blocks that it draws in', () => {
    expect(sha256OfInt64(new NumpyGenerator(7).permutation(5000))).toBe(
      '76f4923eb2e511e1307b0d69bae72f00f325fe34e106d9b581683cf42d89b3b7',
    );
  });

  it.each([
    ['int8', -128, 128, [120, 66, 62, 79, 19, -102, 109]],
    ['int8', -100, 50, [13, 38, 43, 23, -98, -9, -69]],
    ['int16', -30000, 30000, [15695, 18689, -23772, -24862, 19677, -19235, 6801]],
    ['uint8', 0, 256, [248, 194, 190, 207, 147, 26, 237]],
    ['uint16', 0, 65536, [49912, 53182, 6803, 5613, 54261, 11759, 40197]],
    ['bool', 0, 2, [0, 0, 0, 1, 1, 1, 1]],
  ] as const)('integers of %s from %i to %i', (dtype, low, high, values) => {
    expect([...new NumpyGenerator(3).integers(low, high, 7, { dtype })]).toEqual(values);
  });

  it('returns a single integer without a size', () => {
    const generator = new NumpyGenerator(0);
    expect(generator.integers(0, 10)).toBe(8);
    expect(generator.integers(-5, 5, undefined, { dtype: 'int8' })).toBe(3);
    expect(generator.integers(0n, 2n ** 63n - 1n)).toBe(2488343231644625808n);
  });

  it('draws 64-bit ranges as numbers or bigints with the same values', () => {
    const numbers = new NumpyGenerator(0).integers(0, 2 ** 40, 3);
    expect([...numbers]).toEqual([700346781657, 296633628802, 45050865998]);
    const bigints = new NumpyGenerator(42).integers(-(2n ** 63n), 2n ** 63n - 1n, 2);
    expect([...bigints]).toEqual([5053597115156604551n, -1127493779279708224n]);
  });
});

describe('SeedSequence', () => {
  it.each([
    [0, [], [2968811710, 3677149159, 745650761, 2884920346]],
    [123456789012345678901234567890n, [], [2365905779, 2742316760, 854646623, 2638442285]],
    [[1, 2, 3], [], [3822189696, 3026158655, 540542919, 1119972918]],
    [42, [0], [2684470948, 3757501821, 1691896351, 1126406280]],
    [42, [1], [4091952314, 31242083, 366899054, 1794014678]],
  ])('expands %s with the spawn key %j as numpy does', (entropy, spawnKey, words) => {
    expect([...new SeedSequence(entropy, spawnKey).generateState(4)]).toEqual(words);
  });

  it('spawns children with increasing keys', () => {
    const parent = new SeedSequence(42);
    const children = [...parent.spawn(1), ...parent.spawn(1)];
    expect(children.map((child) => child.generateState(1)[0])).toEqual([2684470948, 4091952314]);
  });
});

describe('Pcg64', () => {
  const mask = (1n << 128n) - 1n;
  const uint128 = fc.bigInt({ min: 0n, max: mask });

  it('steps exactly as 128-bit arithmetic does', () => {
    fc.assert(
      fc.property(uint128, uint128, (state, increment) => {
        const engine = new Pcg64(new SeedSequence(0));
        engine.state = state;
        engine.increment = increment;
        engine.uint64();
        expect(engine.state).toBe((state * 0x2360ed051fc65da44385df649fccf645n + increment) & mask);
      }),
      { numRuns: 5000 },
    );
  });

  it('multiplies words exactly', () => {
    const word = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.constantFrom(2 ** 32 - 1, 2 ** 31, 65535, 65537),
    );
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(BigInt(multiplyHigh(a, b))).toBe((BigInt(a) * BigInt(b)) >> 32n);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('NumpyGenerator', () => {
  it('continues from a JSON round trip of a state, with or without a kept half', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(9), (seed, drawn) => {
        const generator = new NumpyGenerator(seed);
        generator.integers(0, 100, drawn);
        const state = JSON.parse(JSON.stringify(generator.getState()));
        const restored = new NumpyGenerator(0).setState(state);
        expect(restored.getState()).toEqual(generator.getState());
        expect([...restored.permutation(50)]).toEqual([...generator.permutation(50)]);
      }),
    );
  });

  it('accepts the 128-bit numbers of a state as bigints too', () => {
    const generator = new NumpyGenerator(7);
    const { state, ...rest } = generator.getState();
    const parsed = { state: BigInt(state.state), inc: BigInt(state.inc) };
    expect(new NumpyGenerator(0).setState({ ...rest, state: parsed }).raw()).toBe(generator.raw());
  });

  it('does not change the array passed to permutation', () => {
    const words = ['a', 'b', 'c', 'd'];
    expect([...new NumpyGenerator(1).permutation(words)].sort()).toEqual(words);
    expect(words).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each([
    ['a negative seed', 'entropy', () => new NumpyGenerator(-1)],
    ['a choice from an empty population', 'n', () => new NumpyGenerator(0).choice(0, 1)],
    ['a choice of too many', 'n', () => new NumpyGenerator(0).choice(3, 4, { replace: false })],
    ['shares of the wrong length', 'p', () => new NumpyGenerator(0).choice(3, 4, { p: [0.5, 0.5] })],
    ['shares that do not add up to 1', 'p', () => new NumpyGenerator(0).choice(2, 4, { p: [0.5, 0.4] })],
    ['too few shares above 0', 'p', () => new NumpyGenerator(0).choice(2, 2, { p: [1, 0], replace: false })],
    [
      'an unknown option',
      'replacement',
      () => new NumpyGenerator(0).choice(2, 2, { replacement: true } as object),
    ],
    ['an empty range', 'high', () => new NumpyGenerator(0).integers(3, 3, 1)],
    ['a bound below the dtype', 'low', () => new NumpyGenerator(0).integers(-1, 3, 1, { dtype: 'uint8' })],
    ['a bound above the dtype', 'high', () => new NumpyGenerator(0).integers(0, 257, 1, { dtype: 'uint8' })],
    [
      'an even increment',
      'state.inc',
      () =>
        new NumpyGenerator(0).setState({ ...new NumpyGenerator(0).getState(), state: { state: 1, inc: 2 } }),
    ],
  ])('rejects %s, naming %s', (_, field, act) => {
    expect(act).toThrow(ConfigError);
    try {
      act();
    } catch (error) {
      expect((error as ConfigError).field).toBe(field);
    }
  });
});
