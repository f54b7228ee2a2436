import fc from 'fast-check';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { Apportionment, type ShareChange } from '../../dist/random/apportionment.js';

interface Plan {
  readonly parts: number;
  readonly changes: readonly { readonly start: number; readonly weights: readonly [number, number][] }[];
  /** Slots to examine. */
  readonly slots: number;
}

const gaps = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });

/** Parts that join one after the other and stay, like the clusters of a curriculum. */
const joining = fc
  .tuple(gaps, fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 1e6 }))))
  .map(([distances, sizes]): Plan => {
    let start = 0;
    const changes = distances.map((distance, part) => {
      const change = { start, weights: [[part, sizes.next().value!]] as [number, number][] };
      start += distance;
      return change;
    });
    return { parts: distances.length, changes, slots: start + 150 };
  });

/** All weights change at once, like those of a mixture; some are 0. */
const changing = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }))
  .chain(([parts, distances]) =>
    fc.tuple(
      fc.constant({ parts, distances }),
      fc.array(
        fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1, noNaN: true })), {
          minLength: parts,
          maxLength: parts,
        }),
        { minLength: distances.length + 1, maxLength: distances.length + 1 },
      ),
    ),
  )
  .map(([{ parts, distances }, rows]): Plan => {
    let start = 0;
    const changes = rows.map((row, k) => {
      const weights = row.map((weight, part) => [part, weight] as [number, number]);
      if (row.every((weight) => weight === 0)) weights[0]![1] = 1;
      const change = { start, weights };
      start += distances[k] ?? 0;
      return change;
    });
    return { parts, changes, slots: start + 150 };
  });

const plans = fc.oneof(joining, changing);

/** The weights in force at a slot. */
function weightsAt({ parts, changes }: Plan, slot: number): Float64Array {
  const weights = new Float64Array(parts);
  for (const change of changes) {
    if (change.start <= slot) for (const [part, weight] of change.weights) weights[part] = weight;
  }
  return weights;
}

describe('Apportionment', () => {
  it('gives each slot to one part with a weight above 0, and counts never fall', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const apportionment = new Apportionment(plan.parts, plan.changes);
        let before = apportionment.counts(0);
        expect(before.every((count) => count === 0)).toBe(true);
        for (let slot = 0; slot < plan.slots; slot++) {
          const after = apportionment.counts(slot + 1);
          const grown = [...after].map((count, part) => count - before[part]!);
          expect(grown.filter((growth) => growth !== 0)).toEqual([1]);
          expect(weightsAt(plan, slot)[grown.indexOf(1)]).toBeGreaterThan(0);
          before = after;
        }
      }),
    );
  });

  it('is within log2(parts) + 1 of the exact shares at every slot', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const apportionment = new Apportionment(plan.parts, plan.changes);
        const bound = Math.log2(plan.parts) + 1;
        const exact = new Float64Array(plan.parts);
        let worst = 0;
        for (let slot = 0; slot < plan.slots; slot++) {
          const weights = weightsAt(plan, slot);
          const sum = weights.reduce((total, weight) => total + weight);
          const counts = apportionment.counts(slot + 1);
          for (let part = 0; part < plan.parts; part++) {
            exact[part]! += weights[part]! / sum;
            worst = Math.max(worst, Math.abs(counts[part]! - exact[part]!));
          }
        }
        expect(worst).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 300 },
    );
  });

  it('deals blocks, counts one part and finds a slot consistently with the counts', () => {
    fc.assert(
      fc.property(plans, fc.infiniteStream(fc.integer({ min: 1, max: 70 })), (plan, lengths) => {
        const apportionment = new Apportionment(plan.parts, plan.changes);
        const counts = new Float64Array(plan.parts);
        for (let start = 0; start < plan.slots; ) {
          const length = lengths.next().value!;
          const got: { part: number; first: number; from: number; to: number }[] = [];
          const slots = apportionment.deal(start, length, (part, first, from, to) => {
            got.push({ part, first, from, to });
          });
          for (const { part, first, from, to } of got) {
            expect(first).toBe(counts[part]);
            for (const slot of slots.subarray(from, to)) {
              expect(apportionment.slotOf(part, counts[part]!)).toBe(start + slot);
              expect(apportionment.at(start + slot)).toEqual({ part, count: counts[part] });
              counts[part]! += 1;
            }
            expect(apportionment.countOf(part, start + length)).toBe(counts[part]);
          }
          expect(slots.slice(0, length).sort()).toEqual(Int32Array.from({ length }, (_, slot) => slot));
          start += length;
          expect([...apportionment.counts(start)]).toEqual([...counts]);
        }
      }),
    );
  });

  it('is exact at the limit of doubles, and deals blocks of more than a few thousand slots', () => {
    const weights = [3, 5, 11, 1].map((weight, part) => [part, weight] as const);
    const apportionment = new Apportionment(4, [{ start: 0, weights }]);
    for (const slots of [10 ** 12, 2 ** 52]) {
      const counts = apportionment.counts(slots);
      expect(counts.reduce((sum, count) => sum + count)).toBe(slots);
      const part = [0, 1, 2, 3].find((k) => apportionment.counts(slots + 1)[k] !== counts[k])!;
      expect(apportionment.slotOf(part, counts[part]!)).toBe(slots);
    }
    const dealt = new Float64Array(4);
    apportionment.deal(17, 20_000, (part, _, from, to) => {
      dealt[part] = to - from;
    });
    const [before, after] = [apportionment.counts(17), apportionment.counts(20_017)];
    expect([...dealt]).toEqual([...after].map((count, part) => count - before[part]!));
  });

  it('knows that a part without weight owns no further slots', () => {
    const changes: ShareChange[] = [
      {
        start: 0,
        weights: [
          [0, 1],
          [1, 1],
        ],
      },
      { start: 10, weights: [[1, 0]] },
    ];
    const apportionment = new Apportionment(2, changes);
    expect(apportionment.countOf(1, 10 ** 6)).toBe(5);
    expect(apportionment.slotOf(1, 4)).toBeLessThan(10);
    expect(apportionment.slotOf(1, 5)).toBeUndefined();
  });

  it.each([
    ['a negative weight', [{ start: 0, weights: [[0, -1]] }]],
    ['a weight that is NaN', [{ start: 0, weights: [[0, Number.NaN]] }]],
    ['no weight at all', [{ start: 0, weights: [[0, 0]] }]],
    ['a first change that does not start at slot 0', [{ start: 3, weights: [[0, 1]] }]],
    ['a part out of range', [{ start: 0, weights: [[2, 1]] }]],
  ] as [string, ShareChange[]][])('rejects %s', (_, changes) => {
    expect(() => new Apportionment(2, changes)).toThrow(ConfigError);
  });
});
