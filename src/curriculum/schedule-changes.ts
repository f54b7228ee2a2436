import type { Schedule } from './schedules.js';

/** A change of a schedule: the difficulty from `step` on, counted from 1. */
export interface ScheduleChange {
  readonly step: number;
  readonly difficulty: number;
}

/**
 * Returns the steps at which a schedule that never decreases changes, including the first step.
 *
 * @param lastStep - The schedule does not change after it.
 * @remarks O(changes · log lastStep): searches with doubling strides, then bisects.
 */
export function* scheduleChanges(schedule: Schedule, lastStep: number): Generator<ScheduleChange> {
  for (let step = 1; ; ) {
    const difficulty = schedule(step);
    yield { step, difficulty };
    const next = firstAfter(step, lastStep, (later) => schedule(later) > difficulty);
    if (next === undefined) return;
    step = next;
  }
}

/** The first step in `step + 1 … lastStep` from which a condition holds. */
function firstAfter(step: number, lastStep: number, holds: (step: number) => boolean): number | undefined {
  let below = step;
  let high = step + 1;
  for (let stride = 1; high < lastStep && !holds(high); stride *= 2) {
    below = high;
    high = Math.min(lastStep, high + stride);
  }
  if (high > lastStep || !holds(high)) return undefined;
  while (high - below > 1) {
    const middle = Math.floor((below + high) / 2);
    if (holds(middle)) high = middle;
    else below = middle;
  }
  return high;
}
