import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { microStepSlice } from '../../dist/deepspeed/micro-step-slice.js';

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const parts = (samples: number, ranks: number, repeatShort = false) =>
  range(ranks).map((rank) => {
    const { start, end } = microStepSlice(samples, rank, ranks, { repeatShort });
    return range(samples).slice(start, end);
  });

describe('microStepSlice', () => {
  // python3 -c "print([round(k * 5 / 3) for k in range(4)])"
  it.each([
    [
      6,
      3,
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    ],
    [5, 3, [[0, 1], [2], [3, 4]]],
    [2, 4, [[], [0], [1], []]],
    [
      7,
      2,
      [
        [0, 1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      5,
      2,
      [
        [0, 1],
        [2, 3, 4],
      ],
    ],
  ])('cuts %d samples for %d ranks where Python rounds to', (samples, ranks, expected) => {
    expect(parts(samples, ranks)).toEqual(expected);
  });

  it('gives every sample to one rank, in order, and with repeatShort every rank at least one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 12 }), (samples, ranks) => {
        expect(parts(samples, ranks).flat()).toEqual(range(samples));
        expect(parts(samples, ranks, true).every((part) => part.length > 0)).toBe(true);
      }),
    );
  });
});
