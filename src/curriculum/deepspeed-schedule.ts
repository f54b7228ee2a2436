import type { ScheduleOptions } from './schedule-options.js';

/** A schedule in DeepSpeed's terms, in camelCase: for configurations that are converted by renaming keys. */
export interface DeepSpeedSchedule {
  readonly scheduleType: 'fixed_linear' | 'fixed_root' | 'fixed_discrete';
  readonly scheduleConfig: {
    readonly totalCurriculumStep?: number;
    readonly difficultyStep?: number;
    readonly rootDegree?: number;
    readonly difficulty?: readonly number[];
    readonly maxStep?: readonly number[];
  };
}

/**
 * Converts options so that their schedule uses Millrace's terms. Leaves missing or invalid fields to the check of the
 * schedule.
 */
export function withSchedule<T extends { readonly schedule: ScheduleOptions }>(
  options: T | (Omit<T, 'schedule'> & DeepSpeedSchedule),
): T {
  if (!('scheduleType' in options) || 'schedule' in options) return options as T;
  const { scheduleType, scheduleConfig, ...rest } = options;
  const { totalCurriculumStep, difficulty, maxStep, ...same } = scheduleConfig ?? {};
  const schedule = {
    type: scheduleType.replace('fixed_', ''),
    ...same,
    ...(totalCurriculumStep !== undefined && { totalSteps: totalCurriculumStep }),
    ...(difficulty !== undefined && { difficulties: difficulty }),
    ...(maxStep !== undefined && { lastSteps: maxStep }),
  };
  return { ...rest, schedule } as unknown as T;
}
