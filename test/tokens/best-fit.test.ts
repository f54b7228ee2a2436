import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packBestFit } from '../../dist/tokens/best-fit.js';

const cases = fc.integer({ min: 1, max: 3000 }).chain((capacity) =>
  fc.record({
    capacity: fc.constant(capacity),
    lengths: fc.array(fc.integer({ min: 1, max: capacity }), { maxLength: 200 }),
  }),
);

/** Best fit decreasing as its definition says, in O(n · bins). */
function slowly(sizes: readonly number[], capacity: number): number {
  const room: number[] = [];
  for (const size of sizes) {
    const fits = room.filter((left) => left >= size);
    if (fits.length === 0) room.push(capacity - size);
    else room[room.indexOf(Math.min(...fits))]! -= size;
  }
  return room.length;
}

describe('packBestFit', () => {
  it('puts every item into one bin, within its capacity, into as many bins as the definition does', () => {
    fc.assert(
      fc.property(cases, ({ capacity, lengths }) => {
        const sorted = lengths.toSorted((a, b) => a - b);
        const sizes = [...new Set(sorted)];
        const counts = sizes.map((size) => sorted.filter((length) => length === size).length);
        const { binOf, starts, items } = packBestFit(sizes, counts, capacity);
        expect([...items].sort((a, b) => a - b)).toEqual(sorted.map((_, item) => item));
        for (let bin = 0; bin + 1 < starts.length; bin++) {
          const members = [...items.subarray(starts[bin], starts[bin + 1])];
          expect(members.every((item) => binOf[item] === bin)).toBe(true);
          expect(members.reduce((sum, item) => sum + sorted[item]!, 0)).toBeLessThanOrEqual(capacity);
          expect(members).toEqual(members.toSorted((a, b) => b - a));
        }
        expect(starts.length - 1).toBe(slowly(sorted.reverse(), capacity));
      }),
    );
  });

  it('finds room in bins of a million tokens', () => {
    const { binOf } = packBestFit([1, 300_000, 699_999], [2, 1, 1], 1_000_000);
    expect([...binOf]).toEqual([1, 0, 0, 0]);
  });
});
