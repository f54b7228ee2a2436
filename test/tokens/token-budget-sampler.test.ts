import fc from 'fast-check';
import { ArrayDataset, DataLoader } from 'millrace';
import { ConfigError, IndexRangeError } from 'millrace/errors';
import { packCollate, TokenBudgetSampler } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { shareSlice } from '../../dist/core/part-slice.js';
import { batchesOf } from '../loader/collect.js';

const cases = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 80 }),
  maxTokens: fc.integer({ min: 50, max: 200 }),
  microBatches: fc.integer({ min: 1, max: 4 }),
  method: fc.constantFrom('buckets' as const, 'packing' as const),
  dropLast: fc.boolean(),
  shuffle: fc.boolean(),
  seed: fc.nat(100),
});

const make = ({ lengths, ...options }: { lengths: number[]; maxTokens: number }) =>
  new TokenBudgetSampler(lengths.length, { lengths, ...options });

/** The part of a batch as a loader cuts it, with one micro-batch. */
const partOf = (sampler: TokenBudgetSampler, batch: number[], rank: number, worldSize: number) =>
  shareSlice(
    batch.length,
    { microBatch: 0, gradientAccumulationSteps: 1, rank, worldSize },
    sampler.cutPoints?.(batch),
  );

const epochOf = (sampler: TokenBudgetSampler, epoch: number): number[][] => {
  sampler.setEpoch(epoch);
  return [...sampler];
};

describe('TokenBudgetSampler', () => {
  it('gives every sample once an epoch, micro-batches within the budget', () => {
    fc.assert(
      fc.property(cases, fc.nat(3), (options, epoch) => {
        const { lengths, maxTokens, microBatches, method, dropLast } = options;
        const sampler = make(options);
        const batches = epochOf(sampler, epoch);
        expect(batches).toHaveLength(sampler.length);
        const seen = batches.flat().sort((a, b) => a - b);
        if (!dropLast) expect(seen).toEqual(lengths.map((_, i) => i));
        expect(new Set(seen).size).toBe(seen.length);
        for (const batch of batches) {
          for (let part = 0; part < microBatches; part++) {
            const { start, end } = partOf(sampler, batch, part, microBatches);
            const own = batch.slice(start, end).map((sample) => lengths[sample]!);
            expect(own.length).toBeGreaterThan(0);
            const tokens = own.reduce((sum, length) => sum + length, 0);
            const cost = method === 'packing' ? tokens : own.length * Math.max(...own);
            expect(cost).toBeLessThanOrEqual(maxTokens);
          }
        }
      }),
    );
  });

  it('makes batches of samples of nearly equal length, but of what the buckets have left', () => {
    fc.assert(
      fc.property(cases, ({ method: _, ...options }) => {
        const { lengths, microBatches } = options;
        const mixed = epochOf(make(options), 1).filter((batch) => {
          const own = batch.map((sample) => lengths[sample]!);
          return Math.max(...own) > Math.min(...own) * 1.125;
        });
        // Buckets of lengths 1 to 50 are at most 24, and each has fewer samples left than micro-batches.
        expect(mixed.flat().length).toBeLessThanOrEqual(24 * (microBatches - 1));
      }),
    );
  });

  it('gives every part of every batch but the last samples of its own', () => {
    fc.assert(
      fc.property(cases, fc.nat(3), fc.nat(), (options, epoch, pick) => {
        const sampler = make(options);
        const parts = 1 + (pick % options.microBatches);
        const batches = epochOf(sampler, epoch);
        for (const [k, batch] of batches.entries()) {
          if (k === batches.length - 1 && batch.length < parts) continue;
          const joined = Array.from({ length: parts }, (_, part) => {
            const { start, end } = partOf(sampler, batch, part, parts);
            return batch.slice(start, end);
          });
          expect(joined.flat()).toEqual(batch);
          expect(Math.min(...joined.map(({ length }) => length))).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('is refused by a loader with more parts than it has micro-batches', () => {
    for (const method of ['buckets', 'packing'] as const) {
      const batchSampler = make({ lengths: [3, 4, 5, 6], maxTokens: 10, microBatches: 2, method } as never);
      const load = (options: object) =>
        new DataLoader(new ArrayDataset([1, 2, 3, 4]), { batchSampler, ...options });
      expect(() => load({ worldSize: 4 })).toThrow(/microBatches of 4/);
      expect(() => load({ worldSize: 2, gradientAccumulationSteps: 2 })).toThrow(ConfigError);
      expect(load({ worldSize: 2 }).length).toBe(batchSampler.length);
    }
  });

  it('begins at any batch as if those before had been dropped, and has another order each epoch', () => {
    fc.assert(
      fc.property(cases, fc.nat(), (options, pick) => {
        const sampler = make(options);
        const all = epochOf(sampler, 2);
        const batch = pick % (all.length + 1);
        sampler.seek(batch);
        expect([...sampler]).toEqual(all.slice(batch));
        expect([...sampler]).toEqual(all);
        expect(epochOf(make(options), 2)).toEqual(all);
      }),
    );
    const lengths = Array.from({ length: 100 }, (_, i) => 1 + (i % 7));
    const sampler = make({ lengths, maxTokens: 20 });
    expect(epochOf(sampler, 1)).not.toEqual(epochOf(sampler, 0));
  });

  it('says when each rank sees a sample: the same as cutting up all batches', () => {
    const layout = fc.record({
      worldSize: fc.integer({ min: 1, max: 4 }),
      gradientAccumulationSteps: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(cases, layout, fc.nat(), (options, { worldSize, gradientAccumulationSteps }, pick) => {
        const sampler = make(options);
        const sample = pick % options.lengths.length;
        const walked: unknown[] = [];
        for (const epoch of [0, 1])
          for (const [step, batch] of epochOf(sampler, epoch).entries())
            for (let microBatch = 0; microBatch < gradientAccumulationSteps; microBatch++)
              for (let rank = 0; rank < worldSize; rank++) {
                const share = { microBatch, rank, worldSize, gradientAccumulationSteps };
                const { start, end } = shareSlice(batch.length, share, sampler.cutPoints?.(batch));
                const place = batch.slice(start, end).indexOf(sample);
                if (place >= 0) walked.push({ epoch, step, microBatch, rank, slot: place });
              }
        const told = sampler.whenSeen(sample, { epochs: 2, worldSize, gradientAccumulationSteps });
        expect(told).toEqual(walked);
      }),
    );
  });

  it('gives ranks that take part in a packed batch equally many full budgets', () => {
    const lengths = Array.from({ length: 500 }, (_, i) => 1 + ((i * 37) % 60));
    const sampler = new TokenBudgetSampler(500, {
      lengths,
      maxTokens: 100,
      microBatches: 8,
      method: 'packing',
    });
    const tokensOf = (samples: number[]) => samples.reduce((sum, sample) => sum + lengths[sample]!, 0);
    const ratios: number[] = [];
    for (const batch of [...sampler].slice(0, -1)) {
      for (const ranks of [2, 4, 8]) {
        const shares = Array.from({ length: ranks }, (_, rank) => {
          const { start, end } = partOf(sampler, batch, rank, ranks);
          return tokensOf(batch.slice(start, end));
        });
        ratios.push(Math.min(...shares) / Math.max(...shares));
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(100);
      }
    }
    expect(ratios.sort((a, b) => a - b)[ratios.length >> 1]).toBeGreaterThan(0.98);
  });

  it('loads with packCollate, in workers as without, and resumes on other ranks', async () => {
    const lengths = Array.from({ length: 60 }, (_, i) => 1 + ((i * 7) % 19));
    const documents = lengths.map((length, d) => Int32Array.from({ length }, (_, k) => 100 * d + k));
    const load = (options: object = {}) => {
      const batchSampler = new TokenBudgetSampler(60, {
        lengths,
        maxTokens: 40,
        microBatches: 6,
        method: 'packing',
      });
      return new DataLoader(new ArrayDataset(documents), { batchSampler, collate: packCollate, ...options });
    };
    const here = await batchesOf(load());
    const threads = load({ numWorkers: 1 });
    expect(await batchesOf(threads)).toEqual(here);
    await threads.close();
    const first = here[0]!;
    const [start, end] = [first.cuSeqlens.data[1]!, first.cuSeqlens.data[2]!];
    expect([...first.documentIds.data.subarray(start, end)]).toEqual(Array(end - start).fill(1));
    expect([...first.positionIds.data.subarray(start, end)]).toEqual([...Array(end - start).keys()]);
    const half = load();
    let taken = 0;
    for await (const _ of half) if (++taken === 2) break;
    const state = JSON.parse(JSON.stringify(half.stateDict()));
    const ranks = [0, 1, 2].map(async (rank) => {
      const loader = load({ rank, worldSize: 3 });
      loader.loadStateDict(state);
      return batchesOf(loader);
    });
    const parts = await Promise.all(ranks);
    for (const [k, batch] of here.slice(2, -1).entries())
      expect(parts.flatMap((part) => [...part[k]!.inputIds.data])).toEqual([...batch.inputIds.data]);
  });

  it('leaves out samples that are too long on request, and counts them', () => {
    for (const method of ['buckets', 'packing'] as const) {
      const lengths = [5, 99, 3, 11];
      const sampler = new TokenBudgetSampler(4, { lengths, maxTokens: 10, method, tooLong: 'skip' });
      expect(sampler.skipped).toBe(2);
      expect([...sampler].flat().sort()).toEqual([0, 2]);
      expect(sampler.whenSeen(1)).toEqual([]);
    }
  });

  it('names what is wrong', () => {
    const lengths = [5, 99, 3];
    const create = (options: object) => () =>
      new TokenBudgetSampler(3, { lengths, maxTokens: 100, ...options });
    expect(create({ maxTokens: 10 })).toThrow('lengths.1: is 99, above maxTokens, 10');
    expect(create({ lengths: [1, 2] })).toThrow('has 2 numbers for 3 samples');
    expect(create({ lengths: [1, 0, 2] })).toThrow('lengths.1: must be a whole number of 1 or more');
    expect(create({ method: 'packing', maxPadding: 1 })).toThrow('maxPadding: has no effect');
    expect(create({ method: 'pack' })).toThrow(ConfigError);
    expect(() => create({})().whenSeen(3)).toThrow(IndexRangeError);
    expect(() => create({})().seek(17)).toThrow(ConfigError);
  });
});
