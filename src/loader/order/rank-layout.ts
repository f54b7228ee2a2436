import type { ConfigProblem } from '../../core/errors.js';
import type { Uneven } from '../../core/part-slice.js';

/** This loader's share of each global batch. */
export interface RankLayout {
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  /** @defaultValue `'repeat'` */
  readonly uneven?: Uneven;
}

/** Number of ranks and micro-batches that share a global batch. */
export type Sharing = Pick<RankLayout, 'worldSize' | 'gradientAccumulationSteps'>;

/** The problem of a global batch with fewer samples than parts: every part would get the same samples. */
export function tooSmall(batchSize: number, sharing: Sharing): ConfigProblem | undefined {
  const { worldSize, gradientAccumulationSteps: steps } = sharing;
  const parts = worldSize * steps;
  if (batchSize >= parts) return undefined;
  return {
    field: 'batchSize',
    message:
      `is ${batchSize}, but counts the samples of all ranks and micro-batches: it must be at least worldSize ${worldSize} × ` +
      `gradientAccumulationSteps ${steps} = ${parts}. For n samples per rank and micro-batch, pass n × ${parts}`,
  };
}
