import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeistelKernel } from '../../dist/random/feistel-kernel.js';
import { feistelKeyWords, KeyedFeistel } from '../../dist/random/keyed-feistel.js';

const length = fc.oneof(
  fc.integer({ min: 1025, max: 5000 }),
  fc.integer({ min: 5000, max: 2 ** 31 + 5 }),
  fc.integer({ min: 2 ** 32 - 5, max: 2 ** 42 }),
  fc.constantFrom(2 ** 20, 2 ** 41 + 1, 2 ** 42 - 1, 2 ** 42, 2 ** 42 + 1, 2 ** 53),
);
const keys = fc.uint32Array({ minLength: feistelKeyWords, maxLength: feistelKeyWords });
const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('KeyedFeistel', () => {
  it('fills the same indices with and without the kernel, from any start and by any step, as at returns them', () => {
    const kernel = FeistelKernel.load();
    expect(kernel).not.toBeNull();
    fc.assert(
      fc.property(length, keys, part, fc.integer({ min: 1, max: 1100 }), part, (n, key, from, most, by) => {
        const order = new KeyedFeistel(n, key);
        const start = Math.floor(from * n);
        const step = 1 + Math.floor((by * (n - start)) / most);
        const count = Math.min(most, Math.ceil((n - start) / step));
        const [fast, plain] = [kernel, null].map((used) => {
          const out = new Float64Array(count);
          order.fill(out, count, start, step, used);
          return out;
        });
        expect(fast).toEqual(plain);
        expect(plain).toEqual(Float64Array.from({ length: count }, (_, k) => order.at(start + k * step)));
      }),
      { numRuns: 400 },
    );
  });
});
