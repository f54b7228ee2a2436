import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { detectRank, type RankInfo } from './detect-rank.js';
import { layoutFromVariables } from './layout-variables.js';

/** Number of processes along each parallel axis; the product of `dp`, `tp`, `pp` and `cp` is the world size. */
export interface ParallelLayout {
  /**
   * Data parallel: each process takes a different part of a global batch. @defaultValue the world size divided by `tp ·
   * pp · cp`
   */
  readonly dp?: number;
  /** Tensor parallel: each process has a part of every layer. @defaultValue `1` */
  readonly tp?: number;
  /** Pipeline parallel: each process has some of the layers. @defaultValue `1` */
  readonly pp?: number;
  /** Context parallel: each process has a part of every sequence. @defaultValue `1` */
  readonly cp?: number;
  /** Expert parallel: each process has some of the experts. It divides `dp · cp`, whose processes it groups. @defaultValue `1` */
  readonly ep?: number;
}

/** The processes along one parallel axis that include this one. */
type ProcessGroup = {
  /** Rank of this process within the group. */
  readonly rank: number;
  readonly worldSize: number;
  /** Global ranks of the group's processes, ascending. */
  readonly ranks: readonly number[];
};

/** The process groups of one process, and what it loads. */
type ParallelGroups = {
  /** The group that divides a global batch: pass its `rank` and `worldSize` to a loader. */
  readonly dataParallel: ProcessGroup;
  readonly tensorParallel: ProcessGroup;
  readonly pipelineParallel: ProcessGroup;
  /** The group that divides every sequence: pass its `rank` and `worldSize` as `sequenceSlice`. */
  readonly contextParallel: ProcessGroup;
  /** The group that divides the experts. Its processes may have different samples; it does not change what a process loads. */
  readonly expertParallel: ProcessGroup;
  /** Global ranks of all processes that need the same samples, or slices of them, including this one. */
  readonly sameBatch: readonly number[];
  /**
   * What this process needs of its batches: the first pipeline stage the inputs, the last one the labels and the loss mask, and a
   * stage between them neither. Packed sequences are the exception: every stage attends by `cuSeqlens` and positions.
   */
  readonly loads: { readonly inputs: boolean; readonly labels: boolean };
};

const schema = v.strictObject({
  dp: v.optional(integerFrom(1)),
  tp: v.optional(integerFrom(1), 1),
  pp: v.optional(integerFrom(1), 1),
  cp: v.optional(integerFrom(1), 1),
  ep: v.optional(integerFrom(1), 1),
});

/**
 * Computes the process groups of a layout of data, tensor, pipeline, context and expert parallelism. Neighboring ranks are tensor
 * parallel, then context parallel, then data parallel, and pipeline stages lie furthest apart, as in Megatron-LM and
 * Accelerate, and without `cp` as in DeepSpeed's pipeline topology. Expert-parallel groups are consecutive processes along the
 * context-parallel and data-parallel axes, as in Megatron-LM.
 *
 * @param layout - Sizes of the axes; only `dp` may be derived from the world size. Without `process`, an axis that is not given
 *   is that of the launcher's variables: `MILLRACE_CP` and so on, or those of `accelerate launch`.
 * @param process - Rank and world size. @defaultValue detected from the launcher
 * @throws {@link ConfigError} if the product of the axes is not the world size, or `ep` does not divide `dp · cp`.
 * @example
 * ```ts
 * const { dataParallel } = parallelGroups({ tp: 4, pp: 2 });
 * const loader = new DataLoader(dataset, { rank: dataParallel.rank, worldSize: dataParallel.worldSize });
 * ```
 */
export function parallelGroups(
  layout: ParallelLayout = {},
  process?: Pick<RankInfo, 'rank' | 'worldSize'>,
): ParallelGroups {
  const fromLauncher = process ? {} : layoutFromVariables(globalThis.process.env);
  const axes = parseOptions('Parallel layout', schema, { ...fromLauncher, ...layout });
  const { rank, worldSize } = process ?? detectRank();
  const { tp, pp, cp, ep } = axes;
  const dp = dataParallelSize(axes, worldSize);
  if (!(Number.isInteger(rank) && rank >= 0 && rank < worldSize)) {
    const message = `${rank} is outside 0 … worldSize - 1 (worldSize ${worldSize})`;
    throw new ConfigError('Parallel layout', [{ field: 'rank', message }]);
  }
  if ((dp * cp) % ep !== 0) {
    const message = `${ep} does not divide dp ${dp} × cp ${cp} = ${dp * cp}`;
    throw new ConfigError('Parallel layout', [{ field: 'ep', message }]);
  }
  const tensor = rank % tp;
  const context = Math.floor(rank / tp) % cp;
  const data = Math.floor(rank / (tp * cp)) % dp;
  const pipeline = Math.floor(rank / (tp * cp * dp));
  /** The global rank at a place along all axes. */
  const at = (t: number, c: number, d: number, p: number): number => t + tp * (c + cp * (d + dp * p));
  const replica = context + cp * data;
  const expert = replica % ep;
  return {
    dataParallel: groupOf(data, dp, (member) => at(tensor, context, member, pipeline)),
    tensorParallel: groupOf(tensor, tp, (member) => at(member, context, data, pipeline)),
    pipelineParallel: groupOf(pipeline, pp, (member) => at(tensor, context, data, member)),
    contextParallel: groupOf(context, cp, (member) => at(tensor, member, data, pipeline)),
    // Counting on along the context-parallel axis comes to the next data-parallel rank.
    expertParallel: groupOf(expert, ep, (member) => at(tensor, replica - expert + member, 0, pipeline)),
    sameBatch: Array.from({ length: tp * cp * pp }, (_, member) =>
      at(member % tp, Math.floor(member / tp) % cp, data, Math.floor(member / (tp * cp))),
    ),
    loads: { inputs: pipeline === 0, labels: pipeline === pp - 1 },
  };
}

function groupOf(rank: number, worldSize: number, rankOf: (member: number) => number): ProcessGroup {
  return { rank, worldSize, ranks: Array.from({ length: worldSize }, (_, member) => rankOf(member)) };
}

/** @throws {@link ConfigError} if the axes do not multiply to the world size. */
function dataParallelSize(
  { dp: given, tp, pp, cp }: v.InferOutput<typeof schema>,
  worldSize: number,
): number {
  const others = tp * pp * cp;
  const dp = given ?? worldSize / others;
  if (Number.isInteger(dp) && dp * others === worldSize) return dp;
  const factors = `tp ${tp} × pp ${pp}${cp === 1 ? '' : ` × cp ${cp}`}`;
  if (given === undefined) {
    const message = `${factors} = ${others} does not divide the world size ${worldSize}`;
    throw new ConfigError('Parallel layout', [{ field: 'tp', message }]);
  }
  const message = `dp ${dp} × ${factors} = ${dp * others}, but the world size is ${worldSize}`;
  throw new ConfigError('Parallel layout', [{ field: 'dp', message }]);
}
