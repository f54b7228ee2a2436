import type { BatchSizeStages } from '../../curriculum/batch-size-stages.js';
import { amendProblem } from './amendment.js';

/** The epoch of a global step, and the position of its first sample. @throws {@link ConfigError} if the run ends before */
export function placeOf(
  stages: BatchSizeStages,
  at: number,
): { epoch: number; step: number; position: number } {
  const place = stages.stepAt(at);
  if (!place) throw amendProblem('at', `is ${at}, but no epoch has a batch before that`);
  const { epoch, step } = place;
  return { epoch, step, position: stages.batchAt(epoch, stages.stagesOf(epoch), step).position };
}
