import { discreteSchedule } from './discrete-schedule.js';
import { rootSchedule } from './root-schedule.js';
import type { CurriculumConfig } from './schedule-config.js';

/** The difficulty of a step, counted from 1. Pure. */
export type Schedule = (step: number) => number;

/**
 * The schedule of a checked configuration.
 *
 * @param parity - Whether to give DeepSpeed's numbers, below `min_difficulty` and late at `max_difficulty` as they may be.
 * @returns `undefined` for `custom`, whose function the user gives.
 */
export function scheduleOf(config: CurriculumConfig, parity: boolean): Schedule | undefined {
  const settings = config.schedule_config ?? {};
  const range = { min: config.min_difficulty, max: config.max_difficulty };
  switch (config.schedule_type) {
    case 'fixed_discrete':
      return discreteSchedule({
        difficulty: settings.difficulty!,
        maxStep: settings.max_step!,
        ...range,
        parity,
      });
    case 'fixed_linear':
    case 'fixed_root':
      return rootSchedule({
        totalSteps: settings.total_curriculum_step!,
        difficultyStep: settings.difficulty_step!,
        degree: config.schedule_type === 'fixed_linear' ? 1 : settings.root_degree!,
        ...range,
        parity,
      });
    case 'custom':
      return undefined;
  }
}
