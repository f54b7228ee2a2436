import type { ScheduleOptions } from './schedule-options.js';

/** A schedule in DeepSpeed's terms, in camelCase. For configurations that are converted by renaming keys. */
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

/** Options with their schedule in Millrace's terms. Fields that are missing or wrong are left for the check of the schedule. */
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
