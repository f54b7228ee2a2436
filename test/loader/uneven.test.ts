// What ranks get of a last global batch that has fewer samples than ranks: every sample once for an evaluation.
import fc from 'fast-check';
import { ArrayDataset, DataLoader, RandomSampler, SequentialSampler } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { verifyReceipt } from 'millrace/receipts';
import { describe, expect, it } from 'vitest';
import { batchesOf, collect, range } from './collect.js';
import { TurningSampler } from './stateful-samplers.js';

const run = fc
  .record({
    length: fc.integer({ min: 1, max: 60 }),
    worldSize: fc.integer({ min: 1, max: 6 }),
    gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
    perPart: fc.integer({ min: 1, max: 3 }),
    kind: fc.constantFrom('sequential', 'shuffled', 'turning'),
    seed: fc.nat(100),
  })
  .map(({ perPart, ...rest }) => ({
    ...rest,
    batchSize: perPart * rest.worldSize * rest.gradientAccumulationSteps,
  }));
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

function load({ length, kind, ...options }: Run, rank: number, uneven: 'repeat' | 'short' | 'none') {
  const order =
    kind === 'turning'
      ? { sampler: new TurningSampler(length) }
      : kind === 'shuffled'
        ? { shuffle: true }
        : {};
  return new DataLoader<number>(range(length), { ...options, ...order, rank, uneven });
}

describe("uneven: 'short'", () => {
  it('gives each sample once, and ranks in turn give the global order', async () => {
    await fc.assert(
      fc.asyncProperty(run, async (of) => {
        const { worldSize, gradientAccumulationSteps: steps } = of;
        const ranks = await Promise.all(
          Array.from({ length: worldSize }, (_, rank) => collect(load(of, rank, 'short'))),
        );
        ranks.forEach((batches, rank) => {
          expect(load(of, rank, 'short').length).toBe(batches.length);
          expect(batches.every((batch) => batch.length > 0)).toBe(true);
        });
        const [first = []] = ranks;
        const gathered = first.flatMap((_, k) => ranks.flatMap((batches) => batches[k] ?? []));
        const alone = await collect(load({ ...of, worldSize: 1, gradientAccumulationSteps: 1 }, 0, 'repeat'));
        expect(gathered).toEqual(alone.flat());
        expect(new Set(gathered).size).toBe(of.length);
        expect(first.length).toBeLessThanOrEqual(Math.ceil(of.length / of.batchSize) * steps);
      }),
      { numRuns: 150 },
    );
  });

  it('resumes on any number of ranks', async () => {
    await fc.assert(
      fc.asyncProperty(run, fc.nat(20), fc.integer({ min: 1, max: 5 }), async (of, stop, worldSize) => {
        const before = load({ ...of, gradientAccumulationSteps: 1 }, 0, 'short');
        const seen: number[][] = [];
        let state = before.stateDict();
        for await (const batch of before) {
          if (seen.length === stop) break;
          seen.push(Array.from(batch.data));
          state = before.stateDict();
        }
        const elastic = { ...of, gradientAccumulationSteps: 1, worldSize };
        // More ranks than a batch has samples are refused when the loader is made.
        if (worldSize > of.batchSize || state.epoch > 0) return;
        const rest: number[] = [];
        for (let rank = 0; rank < worldSize; rank++) {
          const loader = load(elastic, rank, 'short');
          loader.loadStateDict(state);
          rest.push(...(await collect(loader)).flat());
        }
        const whole = (
          await collect(load({ ...of, worldSize: 1, gradientAccumulationSteps: 1 }, 0, 'short'))
        ).flat();
        expect(rest.sort((a, b) => a - b)).toEqual(
          whole.slice(state.step * of.batchSize).sort((a, b) => a - b),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('says where each sample is seen, and verifies the receipt of every rank', async () => {
    await fc.assert(
      fc.asyncProperty(run, fc.nat(59), async (of, wanted) => {
        fc.pre(of.kind !== 'turning');
        const { worldSize, gradientAccumulationSteps: steps } = of;
        const sample = wanted % of.length;
        const [sighting, ...others] = load(of, 0, 'short').whenSeen(sample);
        expect(others).toEqual([]);
        expect(sighting!.rank).toBeLessThan(worldSize);
        for (let rank = 0; rank < worldSize; rank++) {
          const loader = load(of, rank, 'short');
          const batches = await collect(loader);
          await collect(loader);
          expect(verifyReceipt(load(of, 0, 'short'), loader.receipt()).difference).toBeUndefined();
          if (rank !== sighting!.rank) continue;
          expect(batches[sighting!.step * steps + sighting!.microBatch]?.[sighting!.slot]).toBe(sample);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('leaves a rank without a batch where there are fewer samples than ranks', async () => {
    const of = { batchSize: 4, worldSize: 4, uneven: 'short' } as const;
    expect(await batchesOf(new DataLoader(range(2), { ...of, rank: 3 }))).toEqual([]);
    expect(await collect(new DataLoader(range(2), { ...of, rank: 1 }))).toEqual([[1]]);
  });
});

describe("uneven: 'repeat' and 'none'", () => {
  it.each(['repeat', 'none'] as const)('%s gives all ranks equally many batches', async (uneven) => {
    await fc.assert(
      fc.asyncProperty(run, async (of) => {
        const { worldSize, gradientAccumulationSteps: steps, batchSize, length } = of;
        fc.pre(length >= batchSize);
        const rest = length % batchSize;
        const isUneven = rest > 0 && rest < worldSize * steps;
        const left = uneven === 'none' && isUneven ? length - rest : length;
        const ranks = await Promise.all(
          Array.from({ length: worldSize }, (_, rank) => collect(load(of, rank, uneven))),
        );
        for (const batches of ranks) expect(batches.length).toBe(Math.ceil(left / batchSize) * steps);
        expect(new Set(ranks.flat(2)).size).toBe(left);
        if (uneven === 'none') expect(ranks.flat(2).length).toBe(left);
      }),
      { numRuns: 60 },
    );
  });

  it('cannot be combined with an order whose last batch is not known, with elastic, or with a stream', () => {
    const samples = new ArrayDataset([1, 2, 3]);
    const batchSampler = Object.assign([[0, 1], [2]], { length: 2 });
    expect(() => new DataLoader(samples, { batchSampler, uneven: 'short' })).toThrow(
      /uneven: 'short' needs batchSize/,
    );
    expect(() => new DataLoader(samples, { elastic: true, uneven: 'none' })).toThrow(
      /depend on the world size/,
    );
    const stream = { iterate: () => samples };
    expect(() => new DataLoader(stream as never, { uneven: 'short' })).toThrow(ConfigError);
    expect(
      () => new DataLoader(samples, { sampler: new SequentialSampler(3), uneven: 'half' as never }),
    ).toThrow(/'repeat', 'short' or 'none'/);
    expect(new DataLoader(samples, { sampler: new RandomSampler(3), uneven: 'short' }).length).toBe(3);
  });
});

describe('gather', () => {
  it("puts the results of all ranks into the dataset's order, each sample once", async () => {
    await fc.assert(
      fc.asyncProperty(
        run,
        fc.constantFrom('repeat', 'short', 'none'),
        fc.nat(2),
        async (of, uneven, epoch) => {
          fc.pre(of.kind !== 'turning' && (uneven !== 'none' || of.length >= of.batchSize));
          const ranks = await Promise.all(
            Array.from({ length: of.worldSize }, async (_, rank) => {
              const loader = load(of, rank, uneven as 'repeat');
              loader.setEpoch(epoch);
              return (await collect(loader)).flat().map((sample) => `score of ${sample}`);
            }),
          );
          const gathered = load(of, 0, uneven as 'repeat').gather(ranks, { epoch });
          const came = new Set(ranks.flat());
          const scores = Array.from({ length: of.length }, (_, index) => `score of ${index}`);
          expect(gathered).toEqual(scores.map((score) => (came.has(score) ? score : undefined)));
          if (uneven !== 'none') expect(gathered).not.toContain(undefined);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses results of other ranks, and fewer results than samples', () => {
    const loader = new DataLoader(range(5), { batchSize: 4, worldSize: 2, uneven: 'short' });
    expect(() => loader.gather([[1, 2, 3]], { epoch: 0 })).toThrow(/results: are of 1 ranks/);
    expect(() => loader.gather([[1, 2, 3], [4]], { epoch: 0 })).toThrow(
      /Rank 1 has 1 results for the 2 samples/,
    );
    expect(
      loader.gather(
        [
          [1, 2, 5],
          [3, 4],
        ],
        { epoch: 0 },
      ),
    ).toEqual([1, 2, 3, 4, 5]);
  });
});
