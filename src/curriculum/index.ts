export type { Cluster } from './admissions.js';
export type { CurriculumHistogram } from './curriculum-histogram.js';
export type { CurriculumMetric, CurriculumMetricOptions } from './curriculum-metric.js';
export { CurriculumSampler, type CurriculumSamplerOptions } from './curriculum-sampler.js';
export type { DifficultyOrder } from './difficulty-order.js';
export { DifficultyValues } from './difficulty-values.js';
export type { ScheduleOptions } from './schedule-options.js';
