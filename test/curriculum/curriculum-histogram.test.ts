import fc from 'fast-check';
import { CurriculumSampler } from 'millrace/curriculum';
import { expect, it } from 'vitest';

const schedule = {
  schedule: { type: 'linear' as const, totalSteps: 20, difficultyStep: 1 },
};

it('counts every sample once, in the bin of its difficulty', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 10, max: 80 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      (difficulties, bins) => {
        const sampler = new CurriculumSampler([0, ...difficulties].length, {
          batchSize: 4,
          metrics: {
            seqlen: { index: [0, ...difficulties], minDifficulty: 8, maxDifficulty: 64, ...schedule },
          },
        });
        const [histogram] = sampler.histograms(bins);
        const { edges, counts, metric, type } = histogram!;
        expect([metric, type, edges.length, counts.length]).toEqual(['seqlen', 'value', bins + 1, bins]);
        expect([edges[0], edges.at(-1)]).toEqual([0, 64]);
        const expected = new Array<number>(bins).fill(0);
        for (const difficulty of [0, ...difficulties]) {
          const bin = edges.findIndex((edge, k) => k > 0 && difficulty <= edge) - 1;
          expected[bin < 0 ? bins - 1 : bin]! += 1;
        }
        expect(counts).toEqual(expected);
      },
    ),
  );
});

it('is by parts of the samples where the schedule is, and absent where a metric holds nothing back', () => {
  const index = Array.from({ length: 100 }, (_, i) => i);
  const sampler = new CurriculumSampler(100, {
    batchSize: 4,
    metrics: {
      rarity: { index, difficultyType: 'percentile', minDifficulty: 20, maxDifficulty: 100, ...schedule },
      all: { clusteringType: 'single-cluster', minDifficulty: 1, maxDifficulty: 10, ...schedule },
    },
  });
  const histograms = sampler.histograms(4);
  expect(histograms).toEqual([
    { metric: 'rarity', type: 'percentile', edges: [0, 25, 50, 75, 100], counts: [25, 25, 25, 25] },
  ]);
});
