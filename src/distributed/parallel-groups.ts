import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { detectRank, type RankInfo } from './detect-rank.js';

/** Number of processes along each parallel axis; their product is the world size. */
export interface ParallelLayout {
  /**
   * Data parallel: each process takes a different part of a global batch. @defaultValue the world size divided by `tp
   * · pp`
   */
  readonly dp?: number;
  /** Tensor parallel: each process has a part of every layer. @defaultValue `1` */
  readonly tp?: number;
  /** Pipeline parallel: each process has some of the layers. @defaultValue `1` */
  readonly pp?: number;
}

/** The processes along one parallel axis that include this one. */
export interface ProcessGroup {
  /** Rank of this process within the group. */
  readonly rank: number;
  readonly worldSize: number;
  /** Global ranks of the group's processes, ascending. */
  readonly ranks: readonly number[];
}

/** The process groups of one process. */
export interface ParallelGroups {
  /** The group that divides a global batch: pass its `rank` and `worldSize` to a loader. */
  readonly dataParallel: ProcessGroup;
  readonly tensorParallel: ProcessGroup;
  readonly pipelineParallel: ProcessGroup;
  /** Global ranks of all processes that need the same samples, including this one. */
  readonly sameBatch: readonly number[];
}

const schema = v.strictObject({
  dp: v.optional(integerFrom(1)),
  tp: v.optional(integerFrom(1), 1),
  pp: v.optional(integerFrom(1), 1),
});

/**
 * Computes the process groups of a layout of data, tensor and pipeline parallelism. Neighboring ranks are tensor
 * parallel, then data parallel, and pipeline stages lie furthest apart, as in Megatron-LM and in DeepSpeed's pipeline
 * topology.
 *
 * @param layout - Sizes of the axes; only `dp` may be derived from the world size.
 * @param process - Rank and world size. @defaultValue detected from the launcher
 * @throws {@link ConfigError} if the product of the axes is not the world size.
 * @example
 * ```ts
 * const { dataParallel } = parallelGroups({ tp: 4, pp: 2 });
 * const loader = new DataLoader(dataset, { rank: dataParallel.rank, worldSize: dataParallel.worldSize });
 * ```
 */
export function parallelGroups(
  layout: ParallelLayout = {},
  process: Pick<RankInfo, 'rank' | 'worldSize'> = detectRank(),
): ParallelGroups {
  const { tp, pp, dp: given } = parseOptions('Parallel layout', schema, layout);
  const { rank, worldSize } = process;
  const dp = given ?? worldSize / (tp * pp);
  if (!Number.isInteger(dp) || dp * tp * pp !== worldSize) {
    const product =
      given === undefined
        ? `tp ${tp} × pp ${pp} = ${tp * pp}`
        : `dp ${dp} × tp ${tp} × pp ${pp} = ${dp * tp * pp}`;
    const message =
      given === undefined
        ? `${product} does not divide the world size ${worldSize}`
        : `${product}, but the world size is ${worldSize}`;
    throw new ConfigError('Parallel layout', [{ field: given === undefined ? 'tp' : 'dp', message }]);
  }
  if (!(Number.isInteger(rank) && rank >= 0 && rank < worldSize)) {
    const message = `${rank} is outside 0 … worldSize - 1 (worldSize ${worldSize})`;
    throw new ConfigError('Parallel layout', [{ field: 'rank', message }]);
  }
  const [tensor, data, pipeline] = [rank % tp, Math.floor(rank / tp) % dp, Math.floor(rank / (tp * dp))];
  const at = (t: number, d: number, p: number): number => t + tp * (d + dp * p);
  const group = (rank: number, size: number, rankOf: (member: number) => number): ProcessGroup => ({
    rank,
    worldSize: size,
    ranks: Array.from({ length: size }, (_, member) => rankOf(member)),
  });
  return {
    dataParallel: group(data, dp, (member) => at(tensor, member, pipeline)),
    tensorParallel: group(tensor, tp, (member) => at(member, data, pipeline)),
    pipelineParallel: group(pipeline, pp, (member) => at(tensor, data, member)),
    sameBatch: Array.from({ length: tp * pp }, (_, member) => at(member % tp, data, Math.floor(member / tp))),
  };
}
