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

function boundedRoot({ totalSteps, difficultyStep, degree, min, max }: RootScheduleSettings): Schedule {
  const isExact = [totalSteps, degree, min, max].every(Number.isSafeInteger);
  return (step) => {
    if (step >= totalSteps) return max;
    if (step <= 0) return min;
    const line =
      isExact && Number.isSafeInteger(step)
        ? min + exactRoot({ step, totalSteps, degree, range: max - min })
        : Math.floor((step / totalSteps) ** (1 / degree) * (max - min) + min);
    return clamp(line - floorMod(line, difficultyStep), min, max);
  };
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
