import { describe, expect, it } from 'vitest';
import { admissionsOf } from '../../dist/curriculum/admissions.js';

/** Sample k of six has difficulty k; the difficulty falls at step 2 and rises again at step 3. */
const fallingMetric = (name: string) => ({
  name,
  changes: [
    { step: 1, difficulty: 4 },
    { step: 2, difficulty: 1 },
    { step: 3, difficulty: 6 },
  ],
  admittedBy: (difficulty: number) => difficulty,
  order: {
    length: 6,
    replaceBySamples: () => {},
    placeOf: (sample: number) => sample,
    fingerprint: () => name,
  },
});

describe('a schedule whose difficulty falls', () => {
  it.each([[['length']], [['length', 'rarity']]])(
    'keeps the samples that it admitted, with the metrics %j',
    (names) => {
      const { clusters } = admissionsOf(names.map(fallingMetric) as never, 6);
      expect(clusters).toEqual([
        { step: 1, start: 0, size: 4 },
        { step: 3, start: 4, size: 2 },
      ]);
    },
  );
});
