import type { CurriculumMetricOptions } from './curriculum-metric.js';

/** A metric whose schedule is written in DeepSpeed's terms, in camelCase. For configurations that are converted by renaming keys. */
export interface DeepSpeedScheduleOptions extends Omit<CurriculumMetricOptions, 'schedule'> {
  readonly scheduleType: 'fixed_linear' | 'fixed_root' | 'fixed_discrete';
  readonly scheduleConfig: {
    readonly totalCurriculumStep?: number;
    readonly difficultyStep?: number;
    readonly rootDegree?: number;
    readonly difficulty?: readonly number[];
    readonly maxStep?: readonly number[];
  };
}

/** The metric with its schedule in Millrace's terms. Fields that are missing or wrong are left for the check of the schedule. */
export function withSchedule(
  options: CurriculumMetricOptions | DeepSpeedScheduleOptions,
): CurriculumMetricOptions {
  if (!('scheduleType' in options) || 'schedule' in options) return options as CurriculumMetricOptions;
  const { scheduleType, scheduleConfig, ...rest } = options;
  const { totalCurriculumStep, difficulty, maxStep, ...same } = scheduleConfig ?? {};
  const schedule = {
    type: scheduleType.replace('fixed_', ''),
    ...same,
    ...(totalCurriculumStep !== undefined && { totalSteps: totalCurriculumStep }),
    ...(difficulty !== undefined && { difficulties: difficulty }),
    ...(maxStep !== undefined && { lastSteps: maxStep }),
  };
  return { ...rest, schedule: schedule as CurriculumMetricOptions['schedule'] };
}
