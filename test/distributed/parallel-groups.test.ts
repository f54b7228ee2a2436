import fc from 'fast-check';
import { parallelGroups } from 'millrace/distributed';
import { ConfigError } from 'millrace/errors';
import { afterEach, describe, expect, it, vi } from 'vitest';

const sizes = fc.integer({ min: 1, max: 4 });
const kinds = [
  'dataParallel',
  'tensorParallel',
  'pipelineParallel',
  'contextParallel',
  'expertParallel',
] as const;

afterEach(() => vi.unstubAllEnvs());

describe('parallelGroups', () => {
  it('puts every process into one group of each kind, and all of a group agree', () => {
    fc.assert(
      fc.property(sizes, sizes, sizes, sizes, fc.nat(), (dp, tp, pp, cp, pick) => {
        const worldSize = dp * tp * pp * cp;
        const divisors = Array.from({ length: dp * cp }, (_, k) => k + 1).filter((n) => (dp * cp) % n === 0);
        const ep = divisors[pick % divisors.length]!;
        const all = Array.from({ length: worldSize }, (_, rank) =>
          parallelGroups({ tp, pp, cp, ep }, { rank, worldSize }),
        );
        for (const [rank, groups] of all.entries()) {
          for (const kind of kinds) {
            const group = groups[kind];
            expect(group.ranks[group.rank]).toBe(rank);
            for (const [place, other] of group.ranks.entries())
              expect(all[other]![kind]).toEqual({ ...group, rank: place });
          }
          // Those with the same samples are all that have this data-parallel rank.
          const same = all.flatMap((other, k) =>
            other.dataParallel.rank === groups.dataParallel.rank ? [k] : [],
          );
          expect(groups.sameBatch).toEqual(same);
          expect(groups.dataParallel.worldSize).toBe(dp);
          const { rank: stage } = groups.pipelineParallel;
          expect(groups.loads).toEqual({ inputs: stage === 0, labels: stage === pp - 1 });
        }
      }),
      { numRuns: 50 },
    );
  });

  it('counts as Megatron-LM and DeepSpeed do: tensor, data, pipeline', () => {
    const { dataParallel, tensorParallel, pipelineParallel, sameBatch } = parallelGroups(
      { dp: 2, tp: 2, pp: 2 },
      { rank: 5, worldSize: 8 },
    );
    expect(dataParallel).toEqual({ rank: 0, worldSize: 2, ranks: [5, 7] });
    expect(tensorParallel).toEqual({ rank: 1, worldSize: 2, ranks: [4, 5] });
    expect(pipelineParallel).toEqual({ rank: 1, worldSize: 2, ranks: [1, 5] });
    expect(sameBatch).toEqual([0, 1, 4, 5]);
  });

  // The groups that Megatron-LM documents for tp-cp-ep-dp-pp: context parallel inside data parallel, experts across both.
  it('puts context-parallel ranks next to one another, and expert groups across them and data-parallel ranks', () => {
    const layout = { dp: 2, cp: 2, tp: 2, ep: 4 };
    const { contextParallel, dataParallel, expertParallel, sameBatch } = parallelGroups(layout, {
      rank: 6,
      worldSize: 8,
    });
    expect(contextParallel).toEqual({ rank: 1, worldSize: 2, ranks: [4, 6] });
    expect(dataParallel).toEqual({ rank: 1, worldSize: 2, ranks: [2, 6] });
    expect(expertParallel).toEqual({ rank: 3, worldSize: 4, ranks: [0, 2, 4, 6] });
    expect(sameBatch).toEqual([4, 5, 6, 7]);
  });

  it('takes axes that are not given from the variables, where it takes the rank from them', () => {
    vi.stubEnv('MILLRACE_RANK', '3');
    vi.stubEnv('MILLRACE_WORLD_SIZE', '8');
    vi.stubEnv('MILLRACE_CP', '4');
    expect(parallelGroups().contextParallel).toEqual({ rank: 3, worldSize: 4, ranks: [0, 1, 2, 3] });
    expect(parallelGroups({ cp: 2 }).contextParallel.worldSize).toBe(2);
    expect(parallelGroups({}, { rank: 0, worldSize: 8 }).contextParallel.worldSize).toBe(1);
    vi.stubEnv('MILLRACE_CP', 'two');
    expect(() => parallelGroups()).toThrow('MILLRACE_CP: must be a whole number of at least 1, found "two"');
  });

  it('takes the axes of accelerate launch, whose sequence parallelism shares sequences, too', () => {
    vi.stubEnv('RANK', '0');
    vi.stubEnv('WORLD_SIZE', '8');
    vi.stubEnv('PARALLELISM_CONFIG_TP_SIZE', '2');
    vi.stubEnv('PARALLELISM_CONFIG_CP_SIZE', '1');
    vi.stubEnv('PARALLELISM_CONFIG_SP_SIZE', '4');
    const { dataParallel, tensorParallel, contextParallel } = parallelGroups();
    expect([dataParallel, tensorParallel, contextParallel].map(({ worldSize }) => worldSize)).toEqual([
      1, 2, 4,
    ]);
  });

  it.each([
    [{ tp: 3 }, 8, 'tp: tp 3 × pp 1 = 3 does not divide the world size 8'],
    [{ dp: 2, tp: 2, pp: 1 }, 8, 'dp: dp 2 × tp 2 × pp 1 = 4, but the world size is 8'],
    [{ cp: 3 }, 8, 'tp: tp 1 × pp 1 × cp 3 = 3 does not divide the world size 8'],
    [{ tp: 0 }, 8, 'tp: must be 1 or more'],
    [{ tp: 2, ep: 3 }, 8, 'ep: 3 does not divide dp 4 × cp 1 = 4'],
    [{ sp: 2 } as object, 8, 'sp: unknown option'],
  ])('refuses %j of %i processes', (layout, worldSize, message) => {
    const make = () => parallelGroups(layout, { rank: 0, worldSize });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});
