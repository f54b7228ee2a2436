export { DifficultyIndex, type DifficultyIndexPaths } from '../curriculum/difficulty-index.js';
export {
  type AnalysisProgress,
  type AnalyzeDifficultyOptions,
  analyzeDifficulty,
  type DifficultyAnalysis,
} from './analyze-difficulty.js';
export { DataAnalyzer } from './data-analyzer.js';
export type {
  DataAnalyzerOptions,
  MetricFunction,
  MetricResult,
  MetricType,
} from './data-analyzer-options.js';
export type { DocIndex } from './index-files.js';
export type { HistogramBin, MetricSummary } from './metric-summary.js';
export { tokenMetrics } from './metrics/index.js';
export type { TokenCounts, TokenMetric, Tokens } from './metrics/token-metric.js';
export { type IndexRange, splitIndex } from './split-index.js';
