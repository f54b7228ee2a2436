export { BatchSizeRamp, type BatchSizeRampOptions } from './batch-size-ramp.js';
export type { CurriculumMetricOptions } from './curriculum-metric.js';
export { CurriculumSampler, type CurriculumSamplerOptions } from './curriculum-sampler.js';
export { DifficultyIndex } from './difficulty-index.js';
export { DifficultyValues } from './difficulty-values.js';
export type { ScheduleOptions } from './schedule-options.js';
