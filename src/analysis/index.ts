export { DataAnalyzer } from './data-analyzer.js';
export type {
  DataAnalyzerOptions,
  MetricFunction,
  MetricResult,
  MetricType,
} from './data-analyzer-options.js';
export type { DocIndex } from './index-files.js';
export { type IndexRange, splitIndex } from './split-index.js';
