import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { detectRank, type RankInfo } from './detect-rank.js';

/** How many processes share each kind of work; their product is the world size. */
export interface ParallelLayout {
  /** Data parallel: each takes another part of a global batch. @defaultValue what is left of the world size */
  readonly dp?: number;
  /** Tensor parallel: each has a part of every layer. @defaultValue `1` */
  readonly tp?: number;
  /** Pipeline parallel: each has some of the layers. @defaultValue `1` */
  readonly pp?: number;
}

/** The processes that share one kind of work with this one. */
export interface ProcessGroup {
  /** This process among them. */
  readonly rank: number;
  readonly worldSize: number;
  /** Their numbers among all processes, ascending. */
  readonly ranks: readonly number[];
}

/** The groups that a process is in. */
export interface ParallelGroups {
  /** Those that take the other parts of a global batch: `rank` and `worldSize` of a loader. */
  readonly dataParallel: ProcessGroup;
  readonly tensorParallel: ProcessGroup;
  readonly pipelineParallel: ProcessGroup;
  /** All processes that need the same samples as this one, itself included. */
  readonly sameBatch: readonly number[];
}

const schema = v.strictObject({
  dp: v.optional(integerFrom(1)),
  tp: v.optional(integerFrom(1), 1),
  pp: v.optional(integerFrom(1), 1),
});

/**
 * Who shares a batch in a layout of data, tensor and pipeline parallelism. Neighboring ranks are tensor parallel, then data
 * parallel, and pipeline stages lie furthest apart, as in Megatron-LM and in DeepSpeed's pipeline topology.
 *
 * @param layout - At most one of the three may be left for the world size to say: `dp`.
 * @param process - Which process this is. @defaultValue what the launcher says
 * @throws {@link ConfigError} when the layout does not make up the world size, with both numbers.
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
  const group = (own: number, size: number, rankOf: (place: number) => number): ProcessGroup => ({
    rank: own,
    worldSize: size,
    ranks: Array.from({ length: size }, (_, place) => rankOf(place)),
  });
  return {
    dataParallel: group(data, dp, (place) => at(tensor, place, pipeline)),
    tensorParallel: group(tensor, tp, (place) => at(place, data, pipeline)),
    pipelineParallel: group(pipeline, pp, (place) => at(tensor, data, place)),
    sameBatch: Array.from({ length: tp * pp }, (_, place) => at(place % tp, data, Math.floor(place / tp))),
  };
}
