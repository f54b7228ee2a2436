import { smallestIntegerDtype } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

describe('smallestIntegerDtype', () => {
  it('is exact at the ends of 64 bits', () => {
    expect(smallestIntegerDtype(0, 2n ** 64n - 1n)).toBe('uint64');
    expect(smallestIntegerDtype(-(2n ** 63n), 2n ** 63n - 1n)).toBe('int64');
    expect(smallestIntegerDtype(-(2n ** 31n) - 1n, 0)).toBe('int64');
  });

  it.each([
    [0, 2n ** 64n],
    [-1, 2n ** 63n],
    [5, 4],
    [0, 1.5],
    [Number.NaN, 1],
  ])('refuses %s … %s', (minimum, maximum) => {
    expect(() => smallestIntegerDtype(minimum, maximum)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG' }),
    );
  });
});
