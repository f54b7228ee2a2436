// A job is saved on some ranks with some steps of gradient accumulation, and continues with others: over random orders and datasets.
import fc from 'fast-check';
import {
  ArrayDataset,
  DataLoader,
  type Dataset,
  MixtureDataset,
  RandomSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { StateMismatchError } from 'millrace/errors';
import { PackedDataset, TokenBudgetSampler } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';

interface Case {
  readonly kind: (typeof kinds)[number];
  readonly length: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly dropLast: boolean;
}

interface Layout {
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
}

const kinds = [
  'sequential',
  'shuffle',
  'replacement',
  'subset',
  'weighted',
  'curriculum',
  'buckets',
  'packing',
  'mixture',
  'packed',
] as const;

const numbers = (length: number) => Array.from({ length }, (_, i) => i);

/** Options and dataset of a case. A batch is the list of its samples. */
function loaderOf(
  { kind, length, batchSize, seed, dropLast }: Case,
  options: object = {},
): DataLoader<unknown> {
  const lengths = numbers(length).map((i) => 1 + ((i * 7 + seed) % 13));
  const plain = new ArrayDataset(numbers(length));
  const sized = { batchSize, dropLast };
  const bounded = { lengths, maxTokens: 13, microBatches: batchSize, seed, dropLast };
  const schedule = { type: 'linear', totalSteps: 9, difficultyStep: 1 } as const;
  const metric = { index: lengths, minDifficulty: 13, maxDifficulty: 20 };
  const made: Record<Case['kind'], () => [Dataset<unknown>, object]> = {
    sequential: () => [plain, sized],
    shuffle: () => [plain, { ...sized, shuffle: true, seed }],
    replacement: () => [plain, { ...sized, sampler: new RandomSampler(plain, { seed, replacement: true }) }],
    subset: () => [
      plain,
      { ...sized, sampler: new SubsetRandomSampler(numbers(length).slice(length >> 2), { seed }) },
    ],
    weighted: () => [plain, { ...sized, sampler: new WeightedRandomSampler(lengths, { seed }) }],
    curriculum: () => [
      plain,
      {
        ...sized,
        sampler: new CurriculumSampler(plain, {
          batchSize,
          seed,
          metrics: { size: { ...metric, schedule } },
        }),
      },
    ],
    buckets: () => [plain, { batchSampler: new TokenBudgetSampler(length, bounded) }],
    packing: () => [
      plain,
      { batchSampler: new TokenBudgetSampler(length, { ...bounded, method: 'packing' }) },
    ],
    mixture: () => [
      new MixtureDataset([plain, new ArrayDataset([-1, -2, -3])], { weights: [2, 1], seed, length }),
      sized,
    ],
    packed: () => {
      const documents = new ArrayDataset(lengths.map((size, d) => numbers(size).map((k) => 100 * d + k)));
      return [new PackedDataset(documents, { rowLength: 17, lengths, seed }), { ...sized, shuffle: true }];
    },
  };
  const [dataset, own] = made[kind]();
  const collate = (samples: unknown[]) => samples.map((sample) => JSON.stringify(sample));
  return new DataLoader(dataset, { ...own, collate, ...options } as object);
}

/** Into how many parts a batch can be cut: more parts get something of it again. */
function divisible({ kind, seed }: Case, batch: readonly string[]): number {
  if (kind !== 'packing') return batch.length;
  const tokens = batch.map((sample) => 1 + ((Number(sample) * 7 + seed) % 13));
  let room = 0;
  return tokens.reduce((rows, length) => {
    const fits = length <= room;
    room = (fits ? room : 13) - length;
    return rows + (fits ? 0 : 1);
  }, 0);
}

async function take(loader: DataLoader<unknown>, count: number): Promise<string[][]> {
  const batches: string[][] = [];
  while (batches.length < count) {
    for await (const batch of loader) {
      batches.push(batch as unknown as string[]);
      if (batches.length === count) break;
    }
  }
  return batches;
}

const cases = fc.record({
  kind: fc.constantFrom(...kinds),
  length: fc.integer({ min: 4, max: 80 }),
  batchSize: fc.integer({ min: 1, max: 12 }),
  seed: fc.nat(1000),
  dropLast: fc.boolean(),
});
const layoutOf = {
  worldSize: fc.integer({ min: 1, max: 5 }),
  gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
};
const layouts = fc.record(layoutOf);

/** The case with global batches that all these layouts can share: smaller ones are refused. */
function shareable(given: Case, ...layouts: readonly Layout[]): Case {
  const parts = layouts.map(
    ({ worldSize, gradientAccumulationSteps }) => worldSize * gradientAccumulationSteps,
  );
  return { ...given, batchSize: Math.max(given.batchSize, ...parts) };
}

describe('elastic resume', () => {
  it('gives the same global batches on other ranks and steps of accumulation, from any place', async () => {
    await fc.assert(
      fc.asyncProperty(cases, layouts, layouts, fc.nat(), async (drawn, before, after, pick) => {
        const finest = { ...after, gradientAccumulationSteps: 2 * before.gradientAccumulationSteps };
        const given = shareable(drawn, before, after, finest);
        const whole = loaderOf(given);
        const perEpoch = whole.length;
        fc.pre(perEpoch > 0);
        const reference = await take(whole, 2 * perEpoch);

        const steps = before.gradientAccumulationSteps;
        const cut = pick % (2 * perEpoch * steps - 1);
        const saving = loaderOf(given, { ...before, rank: pick % before.worldSize });
        await take(saving, cut);
        const state = JSON.parse(JSON.stringify(saving.stateDict()));
        // Inside a global batch, the steps need a boundary at the same place.
        const resumed: Layout =
          cut % steps === 0 ? after : { ...after, gradientAccumulationSteps: steps * (1 + (pick % 2)) };

        const own = resumed.gradientAccumulationSteps;
        const place = (cut * own) / steps;
        const rest = 2 * perEpoch * own - place;
        const ranks = await Promise.all(
          Array.from({ length: resumed.worldSize }, (_, rank) => {
            const loader = loaderOf(given, { ...resumed, rank });
            loader.loadStateDict(state);
            return take(loader, rest);
          }),
        );
        const rebuilt = new Map<number, string[][]>();
        for (let unit = 0; unit < rest; unit++) {
          const batch = Math.floor((place + unit) / own);
          const parts = rebuilt.get(batch) ?? [];
          parts.push(...ranks.map((batches) => batches[unit]!));
          rebuilt.set(batch, parts);
        }
        for (const [batch, parts] of rebuilt) {
          const samples = parts.flat();
          const expected = reference[batch]!;
          const isWhole = parts.length === own * resumed.worldSize;
          if (divisible(given, expected) < own * resumed.worldSize) {
            expect(new Set(expected)).toEqual(new Set([...samples, ...(isWhole ? [] : expected)]));
          } else if (isWhole) expect(samples).toEqual(expected);
          else expect(samples).toEqual(expected.slice(expected.length - samples.length));
        }
      }),
      { numRuns: searchSize({ short: 120, long: 2_000 }) },
    );
  });

  it('says when a sample is seen, on every rank and micro-batch, as loading all of them does', async () => {
    const options = { epoch: 0, epochs: 2 };
    await fc.assert(
      fc.asyncProperty(cases, layouts, fc.nat(), async (drawn, layout, pick) => {
        const given = shareable(drawn, layout);
        fc.pre(loaderOf(given).length > 0);
        const steps = layout.gradientAccumulationSteps;
        const mixture = new MixtureDataset(
          [new ArrayDataset(numbers(given.length)), new ArrayDataset([-1, -2, -3])],
          {
            weights: [2, 1],
          },
        );
        const sample = pick % given.length;
        const asked =
          given.kind === 'mixture'
            ? { source: pick % 2, index: pick % Math.min(3, mixture.datasets[pick % 2]!.length) }
            : given.kind === 'packed'
              ? { document: sample }
              : sample;
        const isSeen = (text: string): boolean => {
          const value = JSON.parse(text);
          if (typeof asked === 'number') return value === asked;
          if ('source' in asked) return value === (asked.source === 0 ? asked.index : -1 - asked.index!);
          const tokens: number[] = Object.values(value.inputIds.data);
          const ids: number[] = Object.values(value.documentIds.data);
          return tokens.some((token, k) => ids[k]! >= 0 && Math.floor(token / 100) === asked.document);
        };
        const walked: string[] = [];
        for (let rank = 0; rank < layout.worldSize; rank++) {
          const loader = loaderOf(given, { ...layout, rank });
          const perEpoch = loader.length;
          const batches = await take(loader, 2 * perEpoch);
          for (const [unit, batch] of batches.entries()) {
            const at = unit % perEpoch;
            const place = {
              epoch: Math.floor(unit / perEpoch),
              step: Math.floor(at / steps),
              microBatch: at % steps,
            };
            for (const [slot, text] of batch.entries())
              if (isSeen(text)) walked.push(JSON.stringify({ ...place, rank, slot }));
          }
        }
        const told = loaderOf(given, { ...layout, rank: 0 }).whenSeen(asked, options);
        expect(told.map((sighting) => JSON.stringify(sighting)).sort()).toEqual(walked.sort());
      }),
      { numRuns: searchSize({ short: 60, long: 1_000 }) },
    );
  });

  it('is the same with workers, in the middle of an epoch and of a global batch', async () => {
    const plain = fc.record({
      ...layoutOf,
      numWorkers: fc.constantFrom(1, 2),
      prefetchFactor: fc.constantFrom(1, 3),
    });
    await fc.assert(
      fc.asyncProperty(cases, plain, fc.nat(), async (drawn, { worldSize, ...options }, pick) => {
        const given = shareable(drawn, { ...options, worldSize });
        const alone = loaderOf(given, { ...options, numWorkers: 0, prefetchFactor: undefined });
        fc.pre(alone.length > 1);
        const reference = await take(alone, 2 * alone.length);
        const cut = 1 + (pick % (2 * alone.length - 1));
        const first = loaderOf(given, options);
        expect(await take(first, cut)).toEqual(reference.slice(0, cut));
        const state = JSON.parse(JSON.stringify(first.stateDict()));
        await first.close();
        const ranks = Array.from({ length: worldSize }, async (_, rank) => {
          const second = loaderOf(given, { ...options, worldSize, rank });
          second.loadStateDict(state);
          const rest = await take(second, 2 * alone.length - cut);
          await second.close();
          return rest;
        });
        const parts = await Promise.all(ranks);
        for (const [k, batch] of reference.slice(cut).entries()) {
          const samples = parts.flatMap((part) => part[k]!);
          if (divisible(given, batch) >= worldSize) expect(samples).toEqual(batch);
        }
      }),
      { numRuns: searchSize({ short: 4, long: 25 }) },
    );
  });

  it('refuses steps that have no boundary where the state stands', async () => {
    const given: Case = { kind: 'shuffle', length: 40, batchSize: 6, seed: 1, dropLast: false };
    const saving = loaderOf(given, { gradientAccumulationSteps: 3 });
    await take(saving, 4);
    const state = saving.stateDict();
    expect(state).toMatchObject({ epoch: 0, step: 1, microBatch: 1, gradientAccumulationSteps: 3 });
    const load = (gradientAccumulationSteps: number) => () =>
      loaderOf(given, { gradientAccumulationSteps }).loadStateDict(state);
    expect(load(2)).toThrow(StateMismatchError);
    expect(load(2)).toThrow('1 of 3 micro-batches of step 1; with 2 micro-batches per step');
    expect(load(6)).not.toThrow();
  });

  it('seeks to a micro-batch', async () => {
    const given: Case = { kind: 'shuffle', length: 40, batchSize: 6, seed: 1, dropLast: false };
    const loader = loaderOf(given, { gradientAccumulationSteps: 3 });
    const all = await take(loader, loader.length);
    loader.seek({ epoch: 0, step: 2, microBatch: 1 });
    expect(await take(loader, 2)).toEqual(all.slice(7, 9));
    expect(() => loader.seek({ epoch: 0, step: 2, microBatch: 3 })).toThrow('microBatch: must be below');
  });
});
