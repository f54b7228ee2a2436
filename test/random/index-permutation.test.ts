import fc from 'fast-check';
import { ConfigError, IndexRangeError } from 'millrace/errors';
import { IndexPermutation, orderKey } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { chiSquare, inPlausibleRange } from './chi-square.js';

const whole = (order: IndexPermutation) => [...order.fill(new Float64Array(order.length))];

describe('IndexPermutation', () => {
  it('contains every index exactly once', () => {
    // Lengths on both sides of powers of two, and of the longest table.
    const length = fc.oneof(
      fc.integer({ min: 0, max: 5000 }),
      fc.constantFrom(1023, 1024, 1025, 4095, 4096, 4097, 65537),
    );
    fc.assert(
      fc.property(length, fc.nat(), (n, key) => {
        const seen = new Set(whole(new IndexPermutation(n, key)));
        expect(seen.size).toBe(n);
        for (const index of seen) expect(index >= 0 && index < n).toBe(true);
      }),
    );
  });

  it('finds the position of every index, at any length up to 2^53', () => {
    const length = fc.oneof(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 2 ** 31 - 5, max: 2 ** 32 + 5 }),
      fc.integer({ min: 2 ** 40, max: Number.MAX_SAFE_INTEGER }),
      fc.constantFrom(2 ** 52, 2 ** 53 - 1, 2 ** 53),
    );
    const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(length, place, fc.bigInt(), (n, part, key) => {
        const order = new IndexPermutation(n, key);
        for (const position of [0, Math.floor(part * n), n - 1]) {
          const index = order.at(position);
          expect(Number.isInteger(index) && index >= 0 && index < n).toBe(true);
          expect(order.indexOf(index)).toBe(position);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('fills from any start and by any step with the same indices as at', () => {
    const length = fc.constantFrom(40, 1000, 1025, 5000, 2 ** 31 + 11, 2 ** 53);
    fc.assert(
      fc.property(
        length,
        fc.nat(30),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(600),
        (n, start, step, count) => {
          const order = new IndexPermutation(n, 'key');
          const fitting = Math.min(count, Math.floor((n - 1 - start) / step) + 1);
          const filled = order.fill(new Float64Array(fitting), start, step);
          expect([...filled]).toEqual(Array.from({ length: fitting }, (_, k) => order.at(start + k * step)));
        },
      ),
    );
  });

  it('is the same for equal keys and different for all others', () => {
    const orders = [0, 1, -1, 2n ** 70n, '', '0', 'a', 'b', orderKey(3, 2), orderKey(5, 0)].map((key) =>
      whole(new IndexPermutation(2000, key)),
    );
    expect(new Set(orders.map(String)).size).toBe(orders.length);
    expect(whole(new IndexPermutation(2000, 7))).toEqual(whole(new IndexPermutation(2000, 7n)));
  });

  it('never changes, because saved states depend on these values', () => {
    expect(whole(new IndexPermutation(8, orderKey(0, 0)))).toMatchInlineSnapshot(`
      [
        1,
        2,
        6,
        0,
        5,
        7,
        4,
        3,
      ]
    `);
    const long = new IndexPermutation(2 ** 53, orderKey(1, 2, 'test'));
    expect([0, 1, 2 ** 52].map((position) => long.at(position))).toMatchInlineSnapshot(`
      [
        7919735729177146,
        330004860496287,
        4348414688250332,
      ]
    `);
  });

  it.each([2, 3, 4, 5, 6])('returns all orders of %d elements equally often', (n) => {
    const counts = new Map<string, number>();
    const orders = Array.from({ length: n }, (_, i) => i + 1).reduce((product, i) => product * i, 1);
    const keys = searchSize({ short: 10, long: 40 }) * orders;
    for (let key = 0; key < keys; key++) {
      const order = String(whole(new IndexPermutation(n, orderKey(11, key))));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const observed = [...counts.values(), ...new Array<number>(orders - counts.size).fill(0)];
    expect(inPlausibleRange(chiSquare(observed), orders - 1)).toBe(true);
  });

  it.each([1025, 1500, 4097])('spreads positions and neighbors of %d elements evenly over keys', (n) => {
    const bins = 25;
    const keys = searchSize({ short: 1_500, long: 5_000 });
    const expected = Array.from({ length: bins }, (_, bin) => binSize(n, bins, bin));
    const positions = [0, 1, 33, n - 1].map((position) => ({
      position,
      counts: new Array<number>(bins).fill(0),
    }));
    const distances = [1, 32, 64].map((distance) => ({ distance, counts: new Array<number>(bins).fill(0) }));
    for (let key = 0; key < keys; key++) {
      const order = new IndexPermutation(n, orderKey(5, key));
      for (const { position, counts } of positions) counts[Math.floor((order.at(position) * bins) / n)]! += 1;
      for (const { distance, counts } of distances) {
        const difference = (order.at(distance) - order.at(0) + n) % n;
        counts[Math.floor((difference * bins) / n)]! += 1;
      }
    }
    for (const { counts } of [...positions, ...distances]) {
      expect(inPlausibleRange(chiSquare(counts, expected), bins - 1)).toBe(true);
    }
  });

  it.each([
    ['a negative length', ConfigError, () => new IndexPermutation(-1, 0)],
    ['a fractional length', ConfigError, () => new IndexPermutation(1.5, 0)],
    ['a length above 2^53', ConfigError, () => new IndexPermutation(2 ** 54, 0)],
    ['a fractional key', ConfigError, () => new IndexPermutation(5, 0.5)],
    ['a position past the end', IndexRangeError, () => new IndexPermutation(5, 0).at(5)],
    ['an index past the end', IndexRangeError, () => new IndexPermutation(5, 0).indexOf(5)],
    ['filling past the end', IndexRangeError, () => new IndexPermutation(5, 0).fill(new Int32Array(3), 1, 2)],
  ])('rejects %s', (_, error, act) => {
    expect(act).toThrow(error);
  });
});

/** How many of `0 … n - 1` belong to a bin. */
function binSize(n: number, bins: number, bin: number): number {
  return Math.ceil(((bin + 1) * n) / bins) - Math.ceil((bin * n) / bins);
}
