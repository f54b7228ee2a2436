import fc from 'fast-check';
import { ArrayDataset, ConcatDataset, DataLoader, MapDataset, ShardSampler } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { collect, range } from '../loader/collect.js';
import { samplerContract } from './sampler-contract.js';

/** Shards of uneven lengths, some without samples. */
function cut(length: number, seed: number): number[] {
  const lengths: number[] = [];
  for (let rest = length, k = seed; rest > 0; k++) {
    const next = Math.min(rest, (k * 7) % 13);
    lengths.push(next);
    rest -= next;
  }
  return lengths;
}

samplerContract('ShardSampler', { permutes: true, random: true, drawn: false }, (length, seed) => {
  return new ShardSampler({ shardLengths: cut(length, seed) }, { seed, windowShards: 3 });
});

describe('ShardSampler', () => {
  const shardLengths = fc.array(fc.nat(20), { minLength: 1, maxLength: 40 });

  it('reads each shard once, no more of them at a time than a window has', () => {
    fc.assert(
      fc.property(
        shardLengths,
        fc.integer({ min: 1, max: 10 }),
        fc.nat(9),
        fc.nat(9),
        (lengths, windowShards, seed, epoch) => {
          const sampler = new ShardSampler({ shardLengths: lengths }, { seed, windowShards });
          sampler.setEpoch(epoch);
          const shardOf = lengths.flatMap((length, shard) => Array.from({ length }, () => shard));
          const shards = Array.from(sampler, (index) => shardOf[index]!);
          const first = new Map<number, number>();
          const last = new Map<number, number>();
          shards.forEach((shard, position) => {
            if (!first.has(shard)) first.set(shard, position);
            last.set(shard, position);
          });
          for (let position = 0; position < shards.length; position++) {
            const open = [...first.keys()].filter(
              (shard) => first.get(shard)! <= position && last.get(shard)! >= position,
            );
            expect(open.length).toBeLessThanOrEqual(windowShards);
          }
        },
      ),
    );
  });

  it('is as even as a full shuffle where one window holds all: every order of few samples is equally likely', () => {
    const counts = new Map<string, number>();
    const runs = 24_000;
    for (let seed = 0; seed < runs; seed++) {
      const order = [...new ShardSampler({ shardLengths: [1, 2, 1] }, { seed })].join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const expected = runs / 24;
    const chiSquare = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    expect(counts.size).toBe(24);
    // 23 degrees of freedom: above 58 one time in ten thousand.
    expect(chiSquare).toBeLessThan(58);
  });

  it('knows when a sample comes without a walk', () => {
    fc.assert(
      fc.property(shardLengths, fc.nat(99), (lengths, seed) => {
        const sampler = new ShardSampler({ shardLengths: lengths }, { seed, windowShards: 4 });
        const order = [...sampler];
        order.forEach((index, position) => {
          expect(sampler.whenSeen(index)).toMatchObject([{ epoch: 0, step: position, slot: 0 }]);
        });
      }),
    );
  });

  it("is what shuffle: 'shards' uses, through other datasets, and resumes on other ranks", async () => {
    const parts = [5, 8, 3, 9, 7, 4, 6, 8, 2, 1].map(
      (length) => new ArrayDataset(Array.from({ length }, (_, k) => k)),
    );
    let start = 0;
    const dataset = new MapDataset(
      new ConcatDataset(
        parts.map((part) => {
          const first = start;
          start += part.length;
          return new MapDataset(part, (k: number) => first + k);
        }),
      ),
      (k: number) => k,
    );
    const options = { batchSize: 6, shuffle: 'shards', seed: 4 } as const;
    const whole = await collect(new DataLoader(dataset, options));
    expect(whole.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 53 }, (_, k) => k));
    const first = new DataLoader(dataset, { ...options, elastic: true });
    let taken = 0;
    for await (const _ of first) if (++taken === 3) break;
    const ranks = await Promise.all(
      [0, 1, 2].map(async (rank) => {
        const loader = new DataLoader(dataset, { ...options, elastic: true, rank, worldSize: 3 });
        loader.loadStateDict(first.stateDict());
        return collect(loader);
      }),
    );
    expect(whole.slice(3)).toEqual(whole.slice(3).map((_, k) => ranks.flatMap((batches) => batches[k]!)));
    expect(() => new DataLoader(range(3), { shuffle: 'shards' })).toThrow(ConfigError);
    expect(() => new DataLoader(range(3), { shuffle: 'shards' })).toThrow(
      /shuffle: is 'shards', but the dataset does not list its shards/,
    );
  });
});
