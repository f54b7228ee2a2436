import fc from 'fast-check';
import { DistributedSampler } from 'millrace';
import { ConfigError } from 'millrace/errors';
import { TorchGenerator } from 'millrace/random';
import { describe, expect, it } from 'vitest';
import type { DistributedSamplerOptions } from '../../dist/samplers/distributed-sampler.js';

type Shared = Omit<DistributedSamplerOptions, 'rank' | 'worldSize'>;

const configuration = fc.record({
  length: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1020, max: 3000 })),
  worldSize: fc.integer({ min: 1, max: 9 }),
  shuffle: fc.boolean(),
  torch: fc.boolean(),
});

function ranks(length: number, worldSize: number, options: Shared): DistributedSampler[] {
  return Array.from(
    { length: worldSize },
    (_, rank) => new DistributedSampler(length, { worldSize, rank, ...options }),
  );
}

/** Round robin over the ranks: the order they share. */
function interleave(parts: readonly number[][]): number[] {
  const longest = Math.max(...parts.map((part) => part.length));
  const rows = Array.from({ length: longest }, (_, i) => parts.map((part) => part[i]));
  return rows.flat().filter((index) => index !== undefined);
}

describe('DistributedSampler', () => {
  it('takes negative seeds, with a generator as PyTorch does', () => {
    const order = (rank: number, seed: number, epoch = 0, generator?: TorchGenerator) => {
      const sampler = new DistributedSampler(9, {
        worldSize: 2,
        rank,
        seed,
        ...(generator && { generator }),
      });
      sampler.setEpoch(epoch);
      return [...sampler];
    };
    // torch 2.13: list(DistributedSampler(range(9), 2, rank, seed=seed)), the last one after set_epoch(3).
    const torch = new TorchGenerator(0, { release: '2.13' });
    expect([0, 1].map((rank) => order(rank, -1, 0, torch))).toEqual([
      [0, 4, 2, 7, 8],
      [3, 6, 5, 1, 0],
    ]);
    expect([0, 1].map((rank) => order(rank, -5, 0, torch))).toEqual([
      [2, 6, 4, 3, 5],
      [0, 8, 1, 7, 2],
    ]);
    expect(order(0, -1, 3, torch)).toEqual([0, 6, 7, 2, 4]);
    expect(order(0, -1)).not.toEqual(order(0, 1));
  });

  it('gives the ranks one order between them, which begins again to make them even', () => {
    fc.assert(
      fc.property(configuration, ({ length, worldSize, shuffle, torch }) => {
        const samplers = ranks(length, worldSize, {
          shuffle,
          ...(torch && { generator: new TorchGenerator(1) }),
        });
        const shared = interleave(samplers.map((sampler) => [...sampler]));
        expect(shared).toHaveLength(samplers[0]!.totalSize);
        expect(new Set(shared.slice(0, length)).size).toBe(length);
        expect(shared.slice(length)).toEqual(shared.slice(length).map((_, i) => shared[i % length]));
      }),
    );
  });

  it('leaves out the end of the same order with dropLast', () => {
    fc.assert(
      fc.property(configuration, ({ length, worldSize, shuffle }) => {
        const shared = (options: Shared) =>
          interleave(ranks(length, worldSize, options).map((sampler) => [...sampler]));
        const kept = length - (length % worldSize);
        expect(shared({ shuffle, dropLast: true })).toEqual(shared({ shuffle }).slice(0, kept));
      }),
    );
  });

  it('gives every index exactly once with uneven', () => {
    fc.assert(
      fc.property(configuration, ({ length, worldSize, shuffle }) => {
        const samplers = ranks(length, worldSize, { shuffle, uneven: 'short' });
        const sizes = samplers.map((sampler) => sampler.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        const shared = samplers.flatMap((sampler) => [...sampler]);
        expect(new Set(shared).size).toBe(length);
        expect(shared).toHaveLength(length);
        expect(samplers[0]!.totalSize).toBe(length);
      }),
    );
  });

  it('says how many of its indices are not given again', () => {
    fc.assert(
      fc.property(configuration, ({ length, worldSize, shuffle }) => {
        const parts = ranks(length, worldSize, { shuffle }).map((sampler) =>
          [...sampler].slice(0, sampler.uniqueLength),
        );
        expect(new Set(parts.flat()).size).toBe(length);
        expect(parts.flat()).toHaveLength(length);
      }),
    );
  });

  it('repeats a dataset with fewer samples than ranks', () => {
    expect(ranks(2, 5, { shuffle: false }).map((sampler) => [...sampler])).toEqual([[0], [1], [0], [1], [0]]);
  });

  it("takes the seed of PyTorch's order from the generator when none is given, and does not draw from it", () => {
    const generator = new TorchGenerator(5);
    const before = generator.getState();
    const samplers = ranks(10, 3, { generator });
    for (const sampler of samplers) sampler.setEpoch(2);
    expect(samplers.map((sampler) => [...sampler])).toEqual([
      [5, 4, 9, 2],
      [0, 1, 6, 5],
      [3, 7, 8, 0],
    ]);
    expect(generator.getState()).toEqual(before);
  });

  it('has one fingerprint on all ranks', () => {
    expect(new Set(ranks(10, 4, {}).map((sampler) => sampler.fingerprint())).size).toBe(1);
  });

  it.each([
    ['worldSize', { rank: 0 }],
    ['rank', { worldSize: 2 }],
    ['rank', { worldSize: 2, rank: 2 }],
    ['numReplicas', { worldSize: 2, numReplicas: 3, rank: 0 }],
    ['dropLast', { worldSize: 2, rank: 0, dropLast: true, uneven: 'short' }],
    ['uneven', { worldSize: 2, rank: 0, uneven: 'none' as never }],
    ['drop_last', { worldSize: 2, rank: 0, drop_last: true }],
  ])('refuses a wrong or missing %s', (field, options) => {
    const create = () => new DistributedSampler(10, options as DistributedSamplerOptions);
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(field);
  });

  it('says when each rank sees a sample, padding included: the same as walking through all ranks', () => {
    const options = fc.record({
      worldSize: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat(50),
      shuffle: fc.boolean(),
      ending: fc.constantFrom({}, { dropLast: true }, { uneven: 'short' as const }),
      torch: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 4 }),
        options,
        (n, pick, batchSize, given) => {
          const { ending, torch, seed, ...shared } = given;
          const order = torch ? { generator: new TorchGenerator(seed) } : { seed };
          const make = (rank: number) => new DistributedSampler(n, { ...shared, ...order, ...ending, rank });
          const sample = pick % n;
          const walked = new Set<string>();
          for (let rank = 0; rank < shared.worldSize; rank++) {
            const sampler = make(rank);
            for (const epoch of [0, 1]) {
              sampler.setEpoch(epoch);
              for (const [position, index] of [...sampler].entries()) {
                const step = Math.floor(position / batchSize);
                if (index === sample) walked.add(JSON.stringify([epoch, step, rank, position % batchSize]));
              }
            }
          }
          const found = make(0).whenSeen(sample, { epochs: 2, batchSize });
          const told = found.map(({ epoch, step, rank, slot }) => JSON.stringify([epoch, step, rank, slot]));
          expect(told).toHaveLength(walked.size);
          expect(new Set(told)).toEqual(walked);
        },
      ),
    );
  });
});
