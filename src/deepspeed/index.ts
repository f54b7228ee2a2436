export { DataAnalyzer, type DataAnalyzerOptions } from '../analysis/index.js';
export { RepeatingLoader, type RepeatingLoaderOptions } from '../loader/index.js';
export { ThroughputTimer, type ThroughputTimerOptions } from '../monitor/throughput-timer.js';
export {
  type BatchBySeqlensOptions,
  batchBySeqlens,
  type PackedBatches,
  type SequencePickingOrder,
} from './batch-by-seqlens.js';
export { type DeepSpeedConfig, type ParseDeepSpeedConfigOptions, parseDeepSpeedConfig } from './config.js';
export { curriculumMetric } from './curriculum-metric.js';
export { CurriculumScheduler, type CurriculumSchedulerOptions } from './curriculum-scheduler.js';
export type {
  CurriculumMetricConfig,
  DataEfficiencyConfig,
  DataEfficiencyInput,
} from './data-efficiency-config.js';
export { DeepSpeedDataLoader, type PostProcess } from './data-loader.js';
export type { DeepSpeedDataLoaderConfig, DeepSpeedDataLoaderOptions } from './data-loader-options.js';
export { DeepSpeedDataSampler } from './data-sampler.js';
export type { DeepSpeedDataSamplerOptions, SamplerConfig } from './data-sampler-options.js';
export { type DeepSpeedIoOptions, deepspeedIo, type Route } from './deepspeed-io.js';
export {
  type RandomLtdConfig,
  RandomLtdScheduler,
  type RandomLtdSchedulerOptions,
  type RandomLtdState,
} from './random-ltd-scheduler.js';
export { type LrScalingMethod, scaleLr } from './scale-lr.js';
export type { CurriculumConfig, ScheduleConfig, ScheduleType } from './schedule-config.js';
export {
  VariableBatchSampler,
  type VariableBatchSamplerOptions,
  type VariableBatchStep,
} from './variable-batch-sampler.js';
export {
  type LrScheduler,
  type Optimizer,
  VariableBatchSizeLr,
  type VariableBatchSizeLrOptions,
} from './variable-batch-size-lr.js';
