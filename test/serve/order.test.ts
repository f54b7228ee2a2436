import fc from 'fast-check';
import { ArrayDataset, DataLoader, MixtureDataset, RandomSampler } from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { IndexPermutation, sampleContext } from 'millrace/random';
import { expect, it } from 'vitest';
import { askPython } from './python.js';

interface Question {
  readonly kind: string;
  readonly options: object;
}

/** Asks Python all questions at once and compares with what Node.js says. */
async function expectEqual(cases: readonly { readonly question: Question; readonly answer: unknown }[]) {
  const answers = await askPython<unknown[]>(
    'orders.py',
    cases.map(({ question }) => question),
  );
  for (const [i, { question, answer }] of cases.entries())
    expect(answers[i], JSON.stringify(question).slice(0, 500)).toEqual(answer);
}

const sampled = <V>(arbitrary: fc.Arbitrary<V>, count: number, seed: number) =>
  fc.sample(arbitrary, { numRuns: count, seed });

it('permutations in numpy are those of Node.js, in both directions, for any length and key', async () => {
  const lengths = [
    1,
    2,
    1023,
    1024,
    1025,
    4097,
    65_537,
    10 ** 6,
    2 ** 32 + 3,
    10 ** 12,
    2 ** 53 - 1,
    2 ** 53,
  ];
  const cases = lengths.flatMap((length) =>
    sampled(
      fc.tuple(
        fc.bigInt(-(2n ** 70n), 2n ** 70n),
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
          minLength: 8,
          maxLength: 8,
        }),
      ),
      3,
      length % 1000,
    ).map(([key, places]) => {
      const positions = places.map((place) => Math.floor(place * length));
      const permutation = new IndexPermutation(length, key);
      const at = positions.map((position) => permutation.at(position));
      return {
        question: { kind: 'permutation', options: { length, key: `${key}`, positions } },
        answer: [at, positions],
      };
    }),
  );
  await expectEqual(cases);
});

it('an epoch in numpy is that of shuffle: true, also over several passes, and the shares are those of the ranks', async () => {
  const orders = sampled(
    fc.record({
      samples: fc.integer({ min: 1, max: 3000 }),
      seed: fc.nat(),
      epoch: fc.nat(1000),
      times: fc.constantFrom(1, 2.5),
    }),
    12,
    1,
  ).map(({ samples, seed, epoch, times }) => {
    const length = Math.ceil(samples * times);
    const sampler = new RandomSampler(samples, { seed, numSamples: length });
    sampler.setEpoch(epoch);
    return {
      question: { kind: 'shuffled', options: { samples, seed, epoch, length } },
      answer: [...sampler],
    };
  });
  const dataset = new ArrayDataset(Array.from({ length: 100 }, (_, i) => ({ i })));
  const shares = sampled(
    fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2, 4), fc.integer({ min: 12, max: 40 })),
    10,
    2,
  ).flatMap(([worldSize, steps, batchSize]) => {
    const length = Math.min(batchSize, 100);
    return Array.from({ length: worldSize * steps }, (_, part) => {
      const [rank, microBatch] = [part % worldSize, Math.floor(part / worldSize)];
      const loader = new DataLoader(dataset, {
        batchSize,
        rank,
        worldSize,
        gradientAccumulationSteps: steps,
      });
      const [planned] = [loader.order({ epoch: 0, step: 0, microBatch }).next().value!];
      return {
        question: {
          kind: 'share',
          options: {
            length,
            rank,
            world_size: worldSize,
            micro_batch: microBatch,
            gradient_accumulation_steps: steps,
          },
        },
        answer: [...planned.indices],
      };
    });
  });
  await expectEqual([...orders, ...shares]);
});

it('mixtures in numpy are those of Node.js, with weights, schedules and passes', async () => {
  const configurations = fc.record({
    lengths: fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 6 }),
    seed: fc.nat(),
    epoch: fc.nat(30),
    shuffle: fc.boolean(),
    changes: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
    draws: fc.array(fc.double({ min: 0.01, max: 5, noNaN: true }), { minLength: 30, maxLength: 30 }),
  });
  const cases = sampled(configurations, 40, 3).map(({ lengths, seed, epoch, shuffle, changes, draws }) => {
    const weightsAt = (k: number) => lengths.map((_, source) => draws[(k * 6 + source) % 30]!);
    const steps = [...new Set(changes)].sort((a, b) => a - b);
    const schedule = [0, ...steps].map((step, k) => ({ step, weights: weightsAt(k) }));
    const sizes = lengths.map((length) => new ArrayDataset(Array.from({ length }, (_, i) => i)));
    const mixture = new MixtureDataset(sizes, { schedule, batchSize: 8, seed, shuffle });
    const positions = Array.from({ length: Math.min(mixture.length, 60) }, (_, i) =>
      Math.floor((i * mixture.length) / 60),
    );
    const draw = positions.map((position) => mixture.originOf(position, epoch));
    return {
      question: {
        kind: 'mixture',
        options: {
          lengths,
          schedule: schedule.map(({ step, weights }) => [step, weights]),
          batch_size: 8,
          seed,
          shuffle,
          epoch,
          positions,
        },
      },
      answer: [draw.map(({ source }) => source), draw.map(({ index }) => index), draw.map((d) => d.epoch)],
    };
  });
  await expectEqual(cases);
});

it('curricula in numpy are those of Node.js, with every schedule and several metrics', async () => {
  const schedules = fc.oneof(
    fc.record({
      type: fc.constant('linear' as const),
      totalSteps: fc.integer({ min: 2, max: 60 }),
      difficultyStep: fc.integer({ min: 1, max: 7 }),
    }),
    fc.record({
      type: fc.constant('root' as const),
      totalSteps: fc.integer({ min: 2, max: 60 }),
      difficultyStep: fc.constantFrom(1, 0.5),
      rootDegree: fc.constantFrom(2, 3),
    }),
    fc.constant({ type: 'discrete' as const, difficulties: [10, 30, 100], lastSteps: [3, 9] }),
  );
  const metric = fc.record({
    schedule: schedules,
    difficultyType: fc.constantFrom('value' as const, 'percentile' as const),
    salt: fc.nat(1000),
  });
  const configurations = fc.record({
    samples: fc.integer({ min: 20, max: 1500 }),
    seed: fc.nat(),
    epoch: fc.nat(20),
    metrics: fc.array(metric, { minLength: 1, maxLength: 2 }),
  });
  const cases = sampled(configurations, 25, 4).flatMap(({ samples, seed, epoch, metrics }) => {
    const values = metrics.map(({ salt }) =>
      Array.from({ length: samples }, (_, i) => (i * 7919 + salt) % 101),
    );
    const named = metrics.map(
      ({ schedule, difficultyType }, k) =>
        [`m${k}`, { minDifficulty: 8, maxDifficulty: 100, schedule, difficultyType }] as const,
    );
    const withIndex = Object.fromEntries(
      named.map(([name, options], k) => [name, { ...options, index: values[k]! }]),
    );
    let sampler: CurriculumSampler;
    try {
      sampler = new CurriculumSampler(samples, { batchSize: 10, seed, metrics: withIndex });
    } catch {
      // No sample is easy enough for the first step of both.
      return [];
    }
    sampler.setEpoch(epoch);
    const order = [...sampler];
    const positions = Array.from({ length: Math.min(order.length, 60) }, (_, i) =>
      Math.floor((i * order.length) / 60),
    );
    const withValues = Object.fromEntries(
      named.map(([name, options], k) => [name, { ...options, values: values[k]! }]),
    );
    return [
      {
        question: {
          kind: 'curriculum',
          options: { samples, batch_size: 10, seed, metrics: withValues, epoch, positions },
        },
        answer: positions.map((position) => order[position]!),
      },
    ];
  });
  expect(cases.length).toBeGreaterThan(12);
  await expectEqual(cases);
});

it('the stream of a sample has the key of context.rng, and its words are those of Node.js', async () => {
  const draws = sampled(
    fc.record({
      seed: fc.maxSafeNat(),
      epoch: fc.nat(2 ** 31),
      position: fc.maxSafeNat(),
      index: fc.maxSafeNat(),
    }),
    20,
    5,
  );
  const cases = draws.map((at) => {
    const { rng } = sampleContext(at.index, at);
    return {
      question: { kind: 'words', options: { ...at, count: 9 } },
      answer: Array.from({ length: 9 }, () => rng.uint32()),
    };
  });
  await expectEqual(cases);
  const at = { seed: 7, epoch: 3, position: 41, index: 5 };
  const [generator] = await askPython<{ key: string; counter: number[]; words: string[] }[]>('orders.py', [
    { kind: 'generator', options: at },
  ]);
  const [low, high] = generator!.words.map(BigInt);
  expect(BigInt(generator!.key)).toBe(low! + high! * 2n ** 32n);
  expect(generator!.counter).toEqual([0, 41, 3, 0]);
});
