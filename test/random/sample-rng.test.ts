import fc from 'fast-check';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { philox4x32 } from '../../dist/random/philox.js';
import { SampleRng } from '../../dist/random/sample-rng.js';
import { chiSquare, inPlausibleRange } from './chi-square.js';

const words = (rng: SampleRng, count: number) => Array.from({ length: count }, () => rng.uint32());

describe('Philox4x32-10', () => {
  // Random123 1.14, kat_vectors.
  it.each([
    [
      [0, 0],
      [0, 0, 0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0xa4093822, 0x299f31d0],
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('generates the published words for key %j', (key, counter, expected) => {
    const out = [0, 0, 0, 0];
    philox4x32(key as [number, number], counter as [number, number, number, number], out);
    expect(out).toEqual(expected);
  });
});

describe('SampleRng', () => {
  it('gives each (seed, epoch, index) its own reproducible stream', () => {
    const argument = fc.oneof(
      fc.nat(3),
      fc.integer({ min: 2 ** 32 - 2, max: 2 ** 32 + 2 }),
      fc.constant(2 ** 53 - 1),
    );
    const triple = fc.tuple(argument, fc.oneof(fc.nat(3), fc.constant(2 ** 32 - 1)), argument);
    fc.assert(
      fc.property(triple, triple, (a, b) => {
        const [first, again, other] = [a, a, b].map((key) => String(words(new SampleRng(...key), 6)));
        expect(first).toBe(again);
        expect(first === other).toBe(String(a) === String(b));
      }),
      { numRuns: 1000 },
    );
  });

  it('never changes, because augmented samples depend on these values', () => {
    const rng = new SampleRng(1, 2, 3);
    const drawn = [rng.uint32(), rng.float(), rng.integer(0, 1000), rng.integer(0, 2 ** 40), rng.boolean()];
    expect(drawn).toMatchInlineSnapshot(`
      [
        3725115218,
        0.39939876294667653,
        741,
        133028896848,
        false,
      ]
    `);
  });

  it('draws the integers of a range evenly, including both ends', () => {
    const counts = new Array<number>(7).fill(0);
    for (let index = 0; index < 7000; index++) counts[new SampleRng(0, 0, index).integer(-3, 4) + 3]! += 1;
    expect(inPlausibleRange(chiSquare(counts), 6)).toBe(true);
  });

  it('keeps integers within bounds of any width', () => {
    const bound = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    fc.assert(
      fc.property(bound, bound, fc.nat(), (a, b, index) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b) + 1];
        const drawn = new SampleRng(9, 9, index).integer(low, high);
        expect(Number.isInteger(drawn) && drawn >= low && drawn < high).toBe(true);
      }),
    );
  });

  it('draws floats, coins and normals with the expected moments', () => {
    const rng = new SampleRng(4, 0, 0);
    const mean = (draw: () => number, count = 40_000) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += draw();
      return sum / count;
    };
    expect(Math.abs(mean(() => rng.float()) - 0.5)).toBeLessThan(0.007);
    expect(Math.abs(mean(() => Number(rng.boolean(0.2))) - 0.2)).toBeLessThan(0.01);
    expect(Math.abs(mean(() => rng.normal()))).toBeLessThan(0.025);
    expect(Math.abs(mean(() => rng.normal() ** 2) - 1)).toBeLessThan(0.04);
    expect(Math.abs(mean(() => rng.normal() ** 3))).toBeLessThan(0.1);
  });

  it.each([
    ['seed', () => new SampleRng(-1, 0, 0)],
    ['seed', () => new SampleRng(2 ** 53, 0, 0)],
    ['epoch', () => new SampleRng(0, 2 ** 32, 0)],
    ['index', () => new SampleRng(0, 0, 0.5)],
    ['high', () => new SampleRng(0, 0, 0).integer(2, 2)],
    ['high', () => new SampleRng(0, 0, 0).integer(0, 1.5)],
  ])('rejects an invalid %s', (field, act) => {
    expect(act).toThrow(ConfigError);
    expect(act).toThrow(field);
  });
});
