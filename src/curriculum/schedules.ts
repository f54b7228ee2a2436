import { lastOf } from '../core/last-of.js';
import { exactRoot } from './exact-root.js';

/** Returns the difficulty of a step, counted from 1. Pure. */
export type Schedule = (step: number) => number;

/** The first and last difficulty of a schedule. */
export interface DifficultyRange {
  readonly min: number;
  readonly max: number;
}

export interface RootScheduleSettings extends DifficultyRange {
  /** Step at which `max` is reached. */
  readonly totalSteps: number;
  /** Difficulties are multiples of this. */
  readonly difficultyStep: number;
  /** 1 is linear, 2 the square root. */
  readonly degree: number;
}

/**
 * Grows from `min` to `max` with a root of the step: `min + (max - min) · (step / totalSteps)^(1 / degree)`, rounded
 * down to a multiple of `difficultyStep`. Stays within `min … max`, never decreases, and is `max` from step
 * `totalSteps` on.
 */
export function rootSchedule({
  totalSteps,
  difficultyStep,
  degree,
  min,
  max,
}: RootScheduleSettings): Schedule {
  const isExact = [totalSteps, difficultyStep, degree, min, max].every(Number.isSafeInteger);
  return (step) => {
    if (step >= totalSteps) return max;
    if (step <= 0) return min;
    if (isExact && Number.isSafeInteger(step)) {
      const line = min + exactRoot({ step, totalSteps, degree, range: max - min });
      return clamp(line - floorMod(line, difficultyStep), min, max);
    }
    const line = (step / totalSteps) ** (1 / degree) * (max - min) + min;
    return clamp(multipleBelow(line, difficultyStep), min, max);
  };
}

export interface DiscreteScheduleSettings extends DifficultyRange {
  /** Difficulties, one more than `lastSteps`. */
  readonly difficulties: readonly number[];
  /** Last step of each difficulty except the last. */
  readonly lastSteps: readonly number[];
}

/**
 * Lists the difficulties, each with its last step. Admitted samples stay admitted: the difficulty of a step is the largest one
 * listed so far, within `min … max`.
 */
export function discreteSchedule({ difficulties, lastSteps, min, max }: DiscreteScheduleSettings): Schedule {
  let largest = Number.NEGATIVE_INFINITY;
  const rising = difficulties.map((difficulty) => {
    largest = Math.max(largest, difficulty);
    return clamp(largest, min, max);
  });
  return listedSchedule(rising, lastSteps);
}

/** The difficulties as listed, each up to its last step. */
export function listedSchedule(difficulties: readonly number[], lastSteps: readonly number[]): Schedule {
  return (step) => {
    // Compare with the last entry first: DeepSpeed does, before it searches a list that need not ascend.
    const stage = step > lastOf(lastSteps) ? -1 : lastSteps.findIndex((last) => step <= last);
    return difficulties.at(stage)!;
  };
}

/** The remainder with the sign of the divisor, as Python's `%`. */
export function floorMod(value: number, divisor: number): number {
  const remainder = value % divisor;
  return remainder !== 0 && remainder < 0 !== divisor < 0 ? remainder + divisor : remainder;
}

/** The largest multiple of `unit` up to a value. For a unit of 0.1 it returns 0.3, not `3 * 0.1`. */
function multipleBelow(value: number, unit: number): number {
  // Values within rounding error of a multiple count as that multiple.
  const count = Math.floor((value / unit) * (1 + Math.sign(value) * 1e-12) + 1e-12);
  const perOne = Math.round(1 / unit);
  return Math.abs(perOne * unit - 1) < 1e-12 ? count / perOne : count * unit;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
