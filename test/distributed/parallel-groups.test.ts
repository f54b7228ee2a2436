import fc from 'fast-check';
import { parallelGroups } from 'millrace/distributed';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';

const sizes = fc.integer({ min: 1, max: 5 });

describe('parallelGroups', () => {
  it('puts every process into one group of each kind, and all of a group agree', () => {
    fc.assert(
      fc.property(sizes, sizes, sizes, (dp, tp, pp) => {
        const worldSize = dp * tp * pp;
        const all = Array.from({ length: worldSize }, (_, rank) =>
          parallelGroups({ tp, pp }, { rank, worldSize }),
        );
        for (const [rank, groups] of all.entries()) {
          for (const kind of ['dataParallel', 'tensorParallel', 'pipelineParallel'] as const) {
            const group = groups[kind];
            expect(group.ranks[group.rank]).toBe(rank);
            for (const [place, other] of group.ranks.entries())
              expect(all[other]![kind]).toEqual({ ...group, rank: place });
          }
          // Those with the same part of a batch are all that have this data-parallel rank.
          const same = all.flatMap((other, k) =>
            other.dataParallel.rank === groups.dataParallel.rank ? [k] : [],
          );
          expect(groups.sameBatch).toEqual(same);
          expect(groups.dataParallel.worldSize).toBe(dp);
        }
      }),
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

  it.each([
    [{ tp: 3 }, 8, 'tp: tp 3 × pp 1 = 3 does not divide the world size 8'],
    [{ dp: 2, tp: 2, pp: 1 }, 8, 'dp: dp 2 × tp 2 × pp 1 = 4, but the world size is 8'],
    [{ tp: 0 }, 8, 'tp: must be 1 or more'],
    [{ cp: 2 } as object, 8, 'cp: unknown option'],
  ])('refuses %j of %i processes', (layout, worldSize, message) => {
    const make = () => parallelGroups(layout, { rank: 0, worldSize });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});
