import type { ConfigProblem } from '../../core/errors.js';
import type { Uneven } from '../../core/part-slice.js';

/** Which part of each global batch a loader gives. */
export interface RankLayout {
  readonly rank: number;
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  /** @defaultValue `'repeat'` */
  readonly uneven?: Uneven;
}

/** How many ranks and micro-batches share a global batch. */
export type Sharing = Pick<RankLayout, 'worldSize' | 'gradientAccumulationSteps'>;

/** What is wrong with a global batch that has fewer samples than it has parts: every part would get the same samples. */
export function tooSmall(batchSize: number, sharing: Sharing): ConfigProblem | undefined {
  const { worldSize, gradientAccumulationSteps: steps } = sharing;
  const parts = worldSize * steps;
  if (batchSize >= parts) return undefined;
  return {
    field: 'batchSize',
    message:
      `is ${batchSize}, but counts the samples of all ranks and micro-batches: it must be at least worldSize ${worldSize} × ` +
      `gradientAccumulationSteps ${steps} = ${parts}. For n samples a rank and micro-batch, pass n × ${parts}`,
  };
}
