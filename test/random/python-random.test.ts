import { ConfigError } from 'millrace/errors';
import { PythonRandom } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { Mt19937 } from '../../dist/random/mt19937.js';

describe('PythonRandom draws the same numbers as random.Random', () => {
  it('combines two words for more than 32 bits, low word first', () => {
    const [wide, narrow] = [new PythonRandom(3), new PythonRandom(3)];
    const low = narrow.getrandbits(32);
    expect(wide.getrandbits(53)).toBe(Number(narrow.getrandbits(21)) * 2 ** 32 + Number(low));
    expect(wide.getrandbits(0)).toBe(0);
    expect(wide.random()).toBe(narrow.random());
  });

  // CPython 3
  it('returns a bigint for more than 53 bits', () => {
    const generator = new PythonRandom(42);
    expect([54, 64, 100].map((bits) => generator.getrandbits(bits))).toEqual([
      2005563494988189n,
      13679192365072849617n,
      176140902141063639299770569303n,
    ]);
  });

  it.each([
    ['a fractional seed', 'seed', () => new PythonRandom(0.5)],
    ['a negative number of bits', 'bits', () => new PythonRandom(0).getrandbits(-1)],
    ['an empty range', 'stop', () => new PythonRandom(0).randrange(0)],
  ])('rejects %s, naming %s', (_, field, act) => {
    expect(act).toThrow(ConfigError);
    expect(act).toThrow(field);
  });
});

describe('Mt19937', () => {
  // The reference implementation of Matsumoto and Nishimura; numpy.random.RandomState.
  it('generates the published words for an integer seed', () => {
    const engine = new Mt19937();
    engine.seed(5489);
    expect([engine.uint32(), engine.uint32(), engine.uint32()]).toEqual([3499211612, 581869302, 3890346734]);
    engine.skip(9996);
    expect(engine.uint32()).toBe(4123659995);
  });

  it.each([
    [
      [0x123, 0x234, 0x345, 0x456],
      [1067595299, 955945823, 477289528],
    ],
    [
      [1, 2, 3, 4],
      [2915706234, 1022996879, 334638762],
    ],
  ])('generates the published words for the seed %j', (key, words) => {
    const engine = new Mt19937();
    engine.seedFromWords(key);
    expect(words.map(() => engine.uint32())).toEqual(words);
  });
});
