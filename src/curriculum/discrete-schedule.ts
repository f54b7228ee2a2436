import { clamp } from './clamp.js';
import type { Schedule } from './schedule.js';

export interface DiscreteScheduleSettings {
  /** One more than there are in `maxStep`. */
  readonly difficulty: readonly number[];
  /** Last step of each difficulty but the last. */
  readonly maxStep: readonly number[];
  readonly min: number;
  readonly max: number;
  /** Whether to give the difficulties as they are listed. */
  readonly parity: boolean;
}

/**
 * One difficulty after another, each to a step of its own.
 *
 * Samples that were admitted stay admitted: without `parity` a difficulty is the largest one listed so far, within
 * `min … max`.
 */
export function discreteSchedule({
  difficulty,
  maxStep,
  min,
  max,
  parity,
}: DiscreteScheduleSettings): Schedule {
  const values = parity ? difficulty : growing(difficulty).map((value) => clamp(value, min, max));
  return (step) => {
    // Past the last entry first: the original looks there before it walks a list that need not ascend.
    const stage = step > maxStep.at(-1)! ? -1 : maxStep.findIndex((last) => step <= last);
    return values.at(stage)!;
  };
}

function growing(values: readonly number[]): number[] {
  let largest = Number.NEGATIVE_INFINITY;
  return values.map((value) => {
    largest = Math.max(largest, value);
    return largest;
  });
}
