export { DifficultyIndex, type DifficultyIndexPaths } from '../curriculum/difficulty-index.js';
export type { AnalysisLayout } from './analysis-description.js';
export { type AnalysisPlan, type AnalysisSize, planAnalysis } from './analysis-plan.js';
export { analyzeDifficulty, type DifficultyAnalysis } from './analyze-difficulty.js';
export type { AnalysisProgress, AnalyzeDifficultyOptions } from './analyze-difficulty-options.js';
export {
  AnalysisClusterWorker,
  type ClusterWorkerEvent,
  type ClusterWorkerOptions,
} from './cluster/analysis-cluster-worker.js';
export { analyzeOnCluster, type ClusterOptions, cancelOnCluster } from './cluster/analyze-on-cluster.js';
export type { ClusterDataset, DatasetFiles } from './cluster/cluster-job.js';
export { DataAnalyzer } from './data-analyzer.js';
export type {
  DataAnalyzerOptions,
  MetricFunction,
  MetricResult,
  MetricType,
} from './data-analyzer-options.js';
export type { DeepSpeedParts } from './deepspeed-layout.js';
export { DifficultyFile, type DifficultyRow } from './difficulty-file.js';
export type { DifficultyHeader } from './difficulty-file-header.js';
export { type AnalysisEstimate, type EstimateOptions, estimateAnalysis } from './estimate-analysis.js';
export type { DocIndex } from './index-files.js';
export type { MetricExport, MetricSource } from './metric-source.js';
export type { HistogramBin, MetricSummary } from './metric-summary.js';
export { builtInMetrics } from './metrics/index.js';
export type { KeyCounts, Keys } from './metrics/key-counts.js';
export type { Metric, MetricContext, MetricValues } from './metrics/metric.js';
export { type IndexRange, splitIndex } from './split-index.js';
export { type SuggestedCurriculum, suggestCurriculum } from './suggest-curriculum.js';
export { suggestMetrics } from './suggest-metrics.js';
