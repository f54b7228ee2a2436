export type { CountTokens } from './batch-size.js';
export { CsvWriter } from './csv-writer.js';
export type { DashboardOptions } from './dashboard/dashboard-options.js';
export type { FigureWriter } from './figure-writer.js';
export type {
  BatchDelivered,
  ConsumerWaiting,
  LoaderClosed,
  LoaderEvent,
  LoaderListener,
  LoaderTuned,
  Observable,
  PassBegan,
  PassEnded,
  SkippedEvent,
} from './loader-events.js';
export { type LabelledFigures, type PrometheusRegistry, prometheusRegistry } from './prometheus.js';
export { type RecordRunOptions, type RunRecording, recordRun } from './record-run.js';
export {
  type RunFigures,
  RunStatistics,
  type RunStatisticsOptions,
  type RunTotals,
  type StageName,
} from './run-statistics.js';
export { TensorBoardWriter } from './tensor-board-writer.js';
export { ThroughputTimer, type ThroughputTimerOptions } from './throughput-timer.js';
export { TraceWriter } from './trace-writer.js';
