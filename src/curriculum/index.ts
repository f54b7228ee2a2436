export { BatchSizeRamp } from './batch-size-ramp.js';
export type { CurriculumMetricOptions } from './curriculum-metric.js';
export { CurriculumSampler } from './curriculum-sampler.js';
export { DifficultyIndex } from './difficulty-index.js';
export { DifficultyValues } from './difficulty-values.js';
export type { ScheduleOptions } from './schedule-options.js';
export { adaptiveDataOptimization, onlineDataMixing } from './weight-rules.js';
export { type WeightRule, weightsFrom } from './weights-from.js';
