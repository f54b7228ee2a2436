import type { RunFigures } from './run-statistics.js';

/** A figure in the form that monitoring systems use. */
export interface RunMetric {
  /** Prometheus' spelling: base units, and `_total` for counters. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Name of the label, for a figure with several values. */
  readonly label?: string;
  /** The value, or one value per label. */
  read(figures: RunFigures): number | Readonly<Record<string, number>>;
}

const counter = (name: string, help: string, read: RunMetric['read'], label?: string): RunMetric =>
  label ? { name, type: 'counter', help, read, label } : { name, type: 'counter', help, read };
const gauge = (name: string, help: string, read: RunMetric['read'], label?: string): RunMetric =>
  label ? { name, type: 'gauge', help, read, label } : { name, type: 'gauge', help, read };

/** The label of pass 2 over source 0 is `0_2`. */
function bySource(sources: RunFigures['sources'], field: 'samples' | 'tokens'): Record<string, number> {
  return Object.fromEntries(sources.map((total) => [`${total.source}_${total.pass}`, total[field]]));
}

/** All exported figures: Prometheus, TensorBoard and CSV have the same ones. */
export const runMetrics: readonly RunMetric[] = [
  counter('batches_total', 'Batches delivered.', ({ batches }) => batches),
  counter('samples_total', 'Samples delivered.', ({ samples }) => samples),
  counter('tokens_total', 'Tokens delivered.', ({ tokens }) => tokens),
  counter('bytes_total', 'Bytes of delivered batches.', ({ bytes }) => bytes),
  counter(
    'elapsed_seconds_total',
    'Time from the first request to the last delivery.',
    ({ elapsedMs }) => elapsedMs / 1_000,
  ),
  counter(
    'wait_seconds_total',
    'Time that the consumer has waited for batches.',
    ({ waitMs }) => waitMs / 1_000,
  ),
  counter(
    'stage_seconds_total',
    'Time to make batches by stage, summed over workers.',
    ({ stageMs }) => Object.fromEntries(Object.entries(stageMs).map(([stage, ms]) => [stage, ms / 1_000])),
    'stage',
  ),
  counter(
    'source_samples_total',
    'Samples by source and pass, with provenance.',
    ({ sources }) => bySource(sources, 'samples'),
    'source_pass',
  ),
  counter(
    'source_tokens_total',
    'Tokens by source and pass, with provenance.',
    ({ sources }) => bySource(sources, 'tokens'),
    'source_pass',
  ),
  counter('skipped_total', 'Skipped samples.', ({ skipped }) => skipped),
  counter('errors_total', 'Passes that ended with an error.', ({ errors }) => errors),
  gauge('samples_per_second', 'Recent samples per second.', ({ samplesPerSecond }) => samplesPerSecond),
  gauge('tokens_per_second', 'Recent tokens per second.', ({ tokensPerSecond }) => tokensPerSecond),
  gauge('bytes_per_second', 'Recent bytes per second.', ({ bytesPerSecond }) => bytesPerSecond),
  gauge('wait_share', 'Recent share of time that the consumer waited, 0 to 1.', ({ waitShare }) => waitShare),
  gauge('ready_batches', 'Batches that are finished and waiting for the consumer.', ({ ready }) => ready),
  gauge(
    'batches_under_way',
    'Batches that are planned, whether finished or not.',
    ({ underWay }) => underWay,
  ),
  gauge('workers', 'Worker threads.', ({ numWorkers }) => numWorkers),
  gauge('epoch', 'The current epoch, from 0.', ({ epoch }) => epoch),
  gauge('batch', 'The last delivered batch of the epoch, from 0.', ({ batch }) => batch),
  gauge(
    'difficulty',
    'Difficulty up to which the curriculum admits samples.',
    ({ difficulties }) => difficulties,
    'metric',
  ),
];

/** A value with a flat name: `stage_seconds_total_storage`. */
export interface NamedValue {
  readonly metric: RunMetric;
  /** The label, or `undefined` for a metric with one value. */
  readonly labeled: string | undefined;
  readonly value: number;
}

/** All values at one moment, in the order of {@link runMetrics}. */
export function valuesOf(figures: RunFigures): NamedValue[] {
  return runMetrics.flatMap((metric): NamedValue[] => {
    const read = metric.read(figures);
    if (typeof read === 'number') return [{ metric, labeled: undefined, value: read }];
    return Object.entries(read).map(([labeled, value]) => ({ metric, labeled, value }));
  });
}
