export { CurriculumScheduler, type CurriculumSchedulerOptions } from './curriculum-scheduler.js';
export type { CurriculumConfig, ScheduleConfig, ScheduleType } from './schedule-config.js';
