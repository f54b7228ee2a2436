import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DataLoader } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import {
  type CurriculumMetricOptions,
  CurriculumSampler,
  DifficultyIndex,
  DifficultyValues,
} from 'millrace/curriculum';
import { ConfigError, IndexRangeError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';

const linear = (totalSteps: number, difficultyStep = 1) =>
  ({ schedule: { type: 'linear', totalSteps, difficultyStep } }) as const;

interface Case {
  readonly values: readonly number[];
  readonly batchSize: number;
  readonly metric: CurriculumMetricOptions;
  readonly seed: number;
}

/** Difficulties of 1 … 30 and a linear schedule by value or percentile that begins where something is admitted. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    values: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 3, maxLength: 120 }),
    batchSize: fc.integer({ min: 1, max: 13 }),
    steps: fc.integer({ min: 1, max: 40 }),
    difficultyStep: fc.integer({ min: 1, max: 4 }),
    byPercentile: fc.boolean(),
    seed: fc.nat(99),
  })
  .map(({ values, batchSize, steps, difficultyStep, byPercentile, seed }) => {
    const index = new DifficultyValues(values);
    const metric = byPercentile
      ? { minDifficulty: 50, maxDifficulty: 100, difficultyType: 'percentile' as const }
      : { minDifficulty: Math.min(...values), maxDifficulty: 30 };
    return { values, batchSize, seed, metric: { index, ...linear(steps, difficultyStep), ...metric } };
  });

const make = ({ values, batchSize, metric, seed }: Case, stepsPerEpoch?: number) =>
  new CurriculumSampler(values.length, {
    batchSize,
    metrics: { difficulty: metric },
    seed,
    ...(stepsPerEpoch !== undefined && { stepsPerEpoch }),
  });

/** Samples of the first epochs, batch by batch, one epoch after the other. */
function batchesOf(sampler: CurriculumSampler, epochs: number): number[][] {
  const batches: number[][] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    sampler.setEpoch(epoch);
    const samples = [...sampler];
    for (let at = 0; at < samples.length; at += sampler.batchSize)
      batches.push(samples.slice(at, at + sampler.batchSize));
  }
  return batches;
}

/** The samples that the metric admits at a step, counted from 0, by its definition. */
function admittedAt({ values, metric }: Case, difficulty: number): Set<number> {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  const admitted =
    metric.difficultyType === 'percentile'
      ? order.slice(0, Math.floor((values.length * difficulty) / metric.maxDifficulty))
      : order.filter((sample) => values[sample]! <= difficulty);
  return new Set(admitted);
}

describe('CurriculumSampler', () => {
  it("takes a schedule in DeepSpeed's terms, in camelCase", () => {
    const metric = { index: [1, 2, 3, 4, 5, 6], minDifficulty: 2, maxDifficulty: 6 };
    const of = (options: object) =>
      new CurriculumSampler(6, {
        batchSize: 2,
        metrics: { m: { ...metric, ...options } as never },
      });
    const pairs = [
      [
        {
          scheduleType: 'fixed_root',
          scheduleConfig: { totalCurriculumStep: 9, difficultyStep: 1, rootDegree: 2 },
        },
        { schedule: { type: 'root', totalSteps: 9, difficultyStep: 1, rootDegree: 2 } },
      ],
      [
        { scheduleType: 'fixed_discrete', scheduleConfig: { difficulty: [2, 4, 6], maxStep: [2, 5] } },
        { schedule: { type: 'discrete', difficulties: [2, 4, 6], lastSteps: [2, 5] } },
      ],
    ];
    for (const [theirs, ours] of pairs) {
      expect(of(theirs!).fingerprint()).toBe(of(ours!).fingerprint());
      for (let step = 0; step < 12; step++)
        expect(of(theirs!).difficultiesAt(0, step)).toEqual(of(ours!).difficultiesAt(0, step));
    }
    expect(() => of({ scheduleType: 'fixed_linear', scheduleConfig: {} })).toThrow(/schedule\.totalSteps/);
  });

  it('gives only samples that are admitted at the step', () => {
    fc.assert(
      fc.property(cases, (config) => {
        const sampler = make(config, 25);
        for (const [step, batch] of batchesOf(sampler, 2).entries()) {
          const { difficulty } = sampler.difficultiesAt(Math.floor(step / 25), step % 25);
          const admitted = admittedAt(config, difficulty!);
          for (const sample of batch) expect(admitted.has(sample)).toBe(true);
        }
      }),
    );
  });

  it('holds the exact share of every cluster at every sample, within log2(clusters) + 1', () => {
    fc.assert(
      fc.property(cases, (config) => {
        const sampler = make(config, 60);
        const { clusters } = sampler;
        const clusterOf = clusterBySample(sampler, config);
        const exact = new Float64Array(clusters.length);
        const counts = new Float64Array(clusters.length);
        for (const [step, batch] of batchesOf(sampler, 1).entries()) {
          const known = clusters.filter((cluster) => cluster.step <= step + 1);
          const total = known.reduce((sum, { size }) => sum + size, 0);
          for (const sample of batch) {
            counts[clusterOf.get(sample)!]! += 1;
            for (const [j, { size }] of known.entries()) {
              exact[j]! += size / total;
              expect(Math.abs(counts[j]! - exact[j]!)).toBeLessThanOrEqual(Math.log2(clusters.length) + 1);
            }
          }
          expect([...sampler.countsAfter(step + 1)]).toEqual([...counts]);
        }
      }),
    );
  });

  it('iterates each cluster pass by pass: no sample repeats before all others of the cluster were drawn', () => {
    fc.assert(
      fc.property(cases, (config) => {
        const sampler = make(config, 60);
        const clusterOf = clusterBySample(sampler, config);
        const seen = new Map<number, number[]>();
        for (const sample of batchesOf(sampler, 2).flat()) {
          const cluster = clusterOf.get(sample)!;
          seen.set(cluster, [...(seen.get(cluster) ?? []), sample]);
        }
        for (const [cluster, samples] of seen) {
          const { size } = sampler.clusters[cluster]!;
          for (let pass = 0; (pass + 1) * size <= samples.length; pass++)
            expect(new Set(samples.slice(pass * size, (pass + 1) * size)).size).toBe(size);
        }
      }),
    );
  });

  it('orders passes and seeds differently', () => {
    const values = new Array(40).fill(5);
    const metric = {
      index: values,
      minDifficulty: 5,
      maxDifficulty: 5,
      schedule: { type: 'discrete', difficulties: [5, 5], lastSteps: [1] },
    } as const;
    const sampler = (seed: number) =>
      new CurriculumSampler(40, {
        batchSize: 4,
        seed,
        metrics: { flat: metric },
      });
    const [first, second] = [sampler(1), sampler(1)];
    second.setEpoch(1);
    const orders = [[...first], [...second], [...sampler(2)]];
    expect(new Set(orders.map(String)).size).toBe(3);
    for (const order of orders) expect(new Set(order).size).toBe(40);
  });

  it('says when a sample is seen: the same as walking through the run', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 5 }), (config, worldSize) => {
        const sampler = make(config, 20);
        const steps = batchesOf(sampler, 3);
        for (let sample = 0; sample < config.values.length; sample += 7) {
          const walked = steps.flatMap((batch, step) =>
            batch.flatMap((seen, position) => (seen === sample ? [{ step, position }] : [])),
          );
          const sightings = sampler.whenSeen(sample, { epochs: 3, worldSize: 1 });
          const found = sightings.map(({ epoch, step, slot }) => ({
            step: epoch * 20 + step,
            position: slot,
          }));
          expect(found).toEqual(walked);
          const perRank = sampler.whenSeen(sample, { epochs: 3, worldSize });
          expect(new Set(perRank.map(({ rank }) => rank < worldSize))).toEqual(
            new Set(walked.length > 0 ? [true] : []),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('combines several metrics: a sample is admitted once all of them admit it', () => {
    const both = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), {
      minLength: 1,
      maxLength: 80,
    });
    fc.assert(
      fc.property(both, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }), (pairs, a, b) => {
        pairs.push([1, 1]);
        const metric = (k: 0 | 1, steps: number): CurriculumMetricOptions => ({
          index: pairs.map((pair) => pair[k]),
          ...linear(steps),
          minDifficulty: 1,
          maxDifficulty: 9,
        });
        const sampler = new CurriculumSampler(pairs.length, {
          batchSize: 3,
          stepsPerEpoch: 40,
          metrics: { first: metric(0, a), second: metric(1, b) },
        });
        const seen = new Set<number>();
        for (const [step, batch] of batchesOf(sampler, 1).entries()) {
          const { first, second } = sampler.difficultiesAt(0, step);
          for (const sample of batch) {
            seen.add(sample);
            const [x, y] = pairs[sample]!;
            expect(x <= first! && y <= second!).toBe(true);
          }
        }
        if (pairs.length <= 40) expect(seen.size).toBe(pairs.length);
        for (const sample of pairs.keys()) expect(sampler.whenSeen(sample).length > 0).toBe(seen.has(sample));
      }),
      { numRuns: 60 },
    );
  });

  it('reads the index files of an analysis, by value and by percentile, with the same batches as from memory', async () => {
    const documents = Array.from({ length: 60 }, (_, i) => new Int32Array(1 + ((i * 7) % 23)));
    const folder = mkdtempSync(join(tmpdir(), 'millrace-curriculum-'));
    await analyzeDifficulty(
      { length: 60, get: (i) => documents[i]! },
      { outputDir: folder, metrics: ['seqlen'], numWorkers: 0 },
    );
    const prefix = join(folder, 'seqlen', 'seqlen');
    const open = () =>
      DifficultyIndex.openSync({
        indexToSamplePath: `${prefix}_index_to_sample`,
        indexToMetricPath: `${prefix}_index_to_metric`,
      });
    for (const difficultyType of ['value', 'percentile'] as const) {
      const schedule = {
        ...linear(9),
        difficultyType,
        minDifficulty: 4,
        maxDifficulty: 23,
      };
      const options = (index: CurriculumMetricOptions['index']) => ({
        batchSize: 5,
        metrics: { seqlen: { ...schedule, index: index! } },
      });
      const fromFiles = new CurriculumSampler(60, options(open()));
      const fromMemory = new CurriculumSampler(60, options(documents.map(({ length }) => length)));
      expect(batchesOf(fromFiles, 2)).toEqual(batchesOf(fromMemory, 2));
      expect(fromFiles.whenSeen(31, { epochs: 3 })).toEqual(fromMemory.whenSeen(31, { epochs: 3 }));
    }
  });

  it('follows discrete, root and custom schedules, and tells the loader what it needs', async () => {
    const values = Array.from({ length: 50 }, (_, i) => i + 1);
    const range = { index: values, minDifficulty: 10, maxDifficulty: 50 };
    const schedules: CurriculumMetricOptions[] = [
      {
        ...range,
        schedule: { type: 'discrete', difficulties: [10, 30, 50], lastSteps: [2, 5] },
      },
      {
        ...range,
        schedule: { type: 'root', totalSteps: 8, difficultyStep: 1, rootDegree: 2 },
      },
      {
        ...range,
        schedule: { type: 'custom', totalSteps: 8, difficultyAt: (step) => 10 + 5 * step },
      },
    ];
    for (const metric of schedules) {
      const sampler = new CurriculumSampler(50, { batchSize: 5, metrics: { rank: metric } });
      const loader = new DataLoader({ length: 50, get: (i) => i + 1 }, { batchSize: 5, sampler });
      const hardest: number[] = [];
      for await (const batch of loader) hardest.push(Math.max(...batch.data));
      for (const [step, value] of hardest.entries())
        expect(value).toBeLessThanOrEqual(sampler.difficultiesAt(0, step).rank!);
      expect(hardest.at(-1)).toBeGreaterThan(hardest[0]!);
    }
  });

  const metric = {
    index: [3, 4, 5],
    ...linear(3),
    minDifficulty: 3,
    maxDifficulty: 5,
  };
  const withMetric = (change: object) => ({ batchSize: 2, metrics: { m: { ...metric, ...change } } });

  it.each([
    [
      'an index of another dataset',
      4,
      withMetric({}),
      /metrics\.m\.index: has 3 samples, and the dataset has 4/,
    ],
    ['a first step that admits nothing', 3, withMetric({ minDifficulty: 1 }), /the smallest is 3/],
    ['no index', 3, withMetric({ index: undefined }), /metrics\.m\.index: is missing/],
    ['a difficulty that is no number', 3, withMetric({ index: [1, Number.NaN, 2] }), /values\.1/],
    ['no metric', 3, { batchSize: 2, metrics: {} }, /metrics: must name a metric/],
    [
      'a custom schedule without its function',
      3,
      withMetric({ schedule: { type: 'custom', totalSteps: 3 } }),
      /metrics\.m\.schedule\.difficultyAt: is missing/,
    ],
    [
      'a function beside another schedule',
      3,
      withMetric({ schedule: { ...metric.schedule, difficultyAt: () => 3 } }),
      /metrics\.m\.schedule\.difficultyAt: unknown option/,
    ],
    [
      'a list of difficulties without the last step of each',
      3,
      withMetric({ schedule: { type: 'discrete', difficulties: [3, 5], lastSteps: [] } }),
      /metrics\.m\.schedule\.lastSteps: must not be empty/,
    ],
    [
      "options in DeepSpeed's spelling, naming the new ones",
      3,
      withMetric({ min_difficulty: 3, schedule: { type: 'linear', total_curriculum_step: 3 } }),
      /metrics\.m\.min_difficulty: is spelled minDifficulty[\s\S]*metrics\.m\.schedule\.total_curriculum_step: is spelled totalSteps/,
    ],
    [
      'an unknown field',
      3,
      withMetric({ minDificulty: 3 }),
      /minDificulty: unknown option, did you mean minDifficulty/,
    ],
    ['a dataset without samples', 0, withMetric({ index: [] }), /without samples/],
  ])('refuses %s', (_, samples, options, message) => {
    const act = () => new CurriculumSampler(samples, options as never);
    expect(act).toThrow(ConfigError);
    expect(act).toThrow(message);
  });

  it('refuses a loader with another batch size, and a sample that is not there', () => {
    const sampler = new CurriculumSampler(3, withMetric({}));
    const dataset = { length: 3, get: (i: number) => i };
    expect(() => new DataLoader(dataset, { batchSize: 3, sampler })).toThrow(
      /batchSize: is 3, but CurriculumSampler/,
    );
    expect(() => sampler.whenSeen(3)).toThrow(IndexRangeError);
  });
});

/** Which cluster a sample is in, from the order of difficulty. */
function clusterBySample({ clusters }: CurriculumSampler, { values }: Case): Map<number, number> {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  return new Map(
    clusters.flatMap(({ start, size }, j) =>
      order.slice(start, start + size).map((sample) => [sample, j] as const),
    ),
  );
}
