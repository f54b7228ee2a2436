import type { Dataset } from '../../core/dataset.js';
import type { ImageTransform } from '../../images/index.js';

/** A dataset that makes pictures by steps, and can stop after some of them: `millrace replay` shows each. */
export interface StepwisePictures {
  /** The steps; absent or empty if there are none. */
  readonly imageSteps: readonly ImageTransform[] | undefined;
  /** The same samples, with the first `count` steps only. It shares the open files: do not close it. */
  afterSteps(count: number): Dataset<unknown>;
}

export function isStepwise(dataset: object): dataset is StepwisePictures {
  return 'afterSteps' in dataset && typeof dataset.afterSteps === 'function';
}
