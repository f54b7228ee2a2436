import { ParityError } from '../core/errors.js';
import { floorMod, listedSchedule, type Schedule } from '../curriculum/schedules.js';
import { roundedPower } from './rounded-power.js';
import type { CurriculumConfig, ScheduleConfig } from './schedule-config.js';

/**
 * DeepSpeed's schedule of a checked configuration, bit for bit. Its first values may be below `min_difficulty`, and if
 * `max_difficulty` is not a multiple of the step, it is reached late. A listed difficulty may be lower than the one before.
 *
 * @returns `undefined` for `custom`.
 */
export function originalSchedule(config: CurriculumConfig): Schedule | undefined {
  const { schedule_type, schedule_config: settings = {}, min_difficulty, max_difficulty } = config;
  // The configuration is checked: what its type needs is there.
  const { difficulty = [], max_step = [], root_degree = Number.NaN } = settings;
  switch (schedule_type) {
    case 'fixed_discrete':
      return listedSchedule(difficulty, max_step);
    case 'fixed_linear':
      return originalRoot(settings, 1, min_difficulty, max_difficulty);
    case 'fixed_root':
      return originalRoot(settings, root_degree, min_difficulty, max_difficulty);
    case 'custom':
      return undefined;
  }
}

function originalRoot(
  { total_curriculum_step = Number.NaN, difficulty_step = Number.NaN }: ScheduleConfig,
  degree: number,
  min: number,
  max: number,
): Schedule {
  return (step) => {
    const line = Math.floor(roundedPower(step / total_curriculum_step, 1 / degree) * (max - min) + min);
    if (!Number.isFinite(line)) throw notANumber(step, degree);
    return Math.min(line - floorMod(line, difficulty_step), max);
  };
}

function notANumber(step: number, degree: number): ParityError {
  return new ParityError(`The difficulty of step ${step} is not a number, which fails in DeepSpeed`, {
    where: { original: 'ZeroDivisionError', step, root_degree: degree },
    next: 'Set root_degree to a number above 0.',
  });
}
