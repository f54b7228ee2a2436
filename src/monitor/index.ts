export { CsvWriter } from './csv-writer.js';
export type { FigureWriter } from './figure-writer.js';
export type { LoaderEvent, LoaderObserver } from './loader-events.js';
export { openTelemetry } from './open-telemetry.js';
export { type PrometheusRegistry, prometheusRegistry } from './prometheus.js';
export { type RunRecording, recordRun } from './record-run.js';
export { type RunFigures, RunStatistics } from './run-statistics.js';
export { TensorBoardWriter } from './tensor-board-writer.js';
export { TraceWriter } from './trace-writer.js';
