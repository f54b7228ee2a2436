import { ParityError } from '../core/errors.js';
import { clamp } from './clamp.js';
import { exactRoot } from './exact-root.js';
import { roundedPower } from './rounded-power.js';
import type { Schedule } from './schedule.js';

export interface RootScheduleSettings {
  /** Step at which `max` is reached. */
  readonly totalSteps: number;
  /** Difficulties are multiples of this. */
  readonly difficultyStep: number;
  /** 1 is a straight line, 2 the square root. */
  readonly degree: number;
  readonly min: number;
  readonly max: number;
  /** Whether to give DeepSpeed's numbers. */
  readonly parity: boolean;
}

/**
 * From `min` to `max` along the root of the step: `min + (max - min) · (step / totalSteps)^(1 / degree)`, rounded down to
 * a multiple of `difficultyStep`.
 *
 * It stays within `min … max`, never falls, and is `max` from step `totalSteps` on. With `parity` it does as DeepSpeed: the
 * first values may be below `min`, and where `max` is no multiple of the step it comes late.
 */
export function rootSchedule(settings: RootScheduleSettings): Schedule {
  return settings.parity ? originalRoot(settings) : boundedRoot(settings);
}

function originalRoot({ totalSteps, difficultyStep, degree, min, max }: RootScheduleSettings): Schedule {
  return (step) => {
    const line = Math.floor(roundedPower(step / totalSteps, 1 / degree) * (max - min) + min);
    if (!Number.isFinite(line)) throw noPower(step, degree);
    return Math.min(line - floorMod(line, difficultyStep), max);
  };
}

function boundedRoot(settings: RootScheduleSettings): Schedule {
  const { totalSteps, difficultyStep, degree, min, max } = settings;
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

/** The largest multiple of `unit` up to a value: 0.3 for 0.1, whatever 3 · 0.1 is as a double. */
function multipleBelow(value: number, unit: number): number {
  // A value that is a multiple but for its last bits counts as one.
  const count = Math.floor((value / unit) * (1 + Math.sign(value) * 1e-12) + 1e-12);
  const perOne = Math.round(1 / unit);
  return Math.abs(perOne * unit - 1) < 1e-12 ? count / perOne : count * unit;
}

function noPower(step: number, degree: number): ParityError {
  return new ParityError(`The difficulty of step ${step} is not a number, which fails in DeepSpeed`, {
    where: { original: 'ZeroDivisionError', step, root_degree: degree },
    next: 'Give a root_degree above 0.',
  });
}

/** The remainder with the sign of the divisor, as Python's `%`. */
function floorMod(value: number, divisor: number): number {
  const remainder = value % divisor;
  return remainder !== 0 && remainder < 0 !== divisor < 0 ? remainder + divisor : remainder;
}
