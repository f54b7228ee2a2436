import type { RunFigures } from './run-statistics.js';

/** A figure as monitoring systems take it. */
export interface Metric {
  /** Prometheus' spelling: base units, `_total` for what only counts up. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** What tells several values apart, where there are several. */
  readonly label?: string;
  /** The value, or one for each label. */
  read(figures: RunFigures): number | Readonly<Record<string, number>>;
}

const counter = (name: string, help: string, read: Metric['read'], label?: string): Metric =>
  label ? { name, type: 'counter', help, read, label } : { name, type: 'counter', help, read };
const gauge = (name: string, help: string, read: Metric['read'], label?: string): Metric =>
  label ? { name, type: 'gauge', help, read, label } : { name, type: 'gauge', help, read };

/** Every figure that is written anywhere: Prometheus, TensorBoard and CSV have the same ones. */
export const metrics: readonly Metric[] = [
  counter('batches_total', 'Batches delivered.', ({ batches }) => batches),
  counter('samples_total', 'Samples delivered.', ({ samples }) => samples),
  counter('tokens_total', 'Tokens delivered.', ({ tokens }) => tokens),
  counter('bytes_total', 'Bytes of the batches delivered.', ({ bytes }) => bytes),
  counter(
    'elapsed_seconds_total',
    'Time from the first request to the last delivery.',
    ({ elapsedMs }) => elapsedMs / 1_000,
  ),
  counter('wait_seconds_total', 'Time that the consumer waited for batches.', ({ waitMs }) => waitMs / 1_000),
  counter(
    'stage_seconds_total',
    'Time of making batches by stage, added up over the workers.',
    ({ stageMs }) => Object.fromEntries(Object.entries(stageMs).map(([stage, ms]) => [stage, ms / 1_000])),
    'stage',
  ),
  counter('skipped_total', 'Samples that were left out.', ({ skipped }) => skipped),
  counter('errors_total', 'Passes that ended with an error.', ({ errors }) => errors),
  gauge('samples_per_second', 'Samples a second, lately.', ({ samplesPerSecond }) => samplesPerSecond),
  gauge('tokens_per_second', 'Tokens a second, lately.', ({ tokensPerSecond }) => tokensPerSecond),
  gauge('bytes_per_second', 'Bytes of batches a second, lately.', ({ bytesPerSecond }) => bytesPerSecond),
  gauge(
    'wait_share',
    'Share of the time that the consumer waited, lately, 0 to 1.',
    ({ waitShare }) => waitShare,
  ),
  gauge('ready_batches', 'Batches that are made and wait for the consumer.', ({ ready }) => ready),
  gauge('batches_under_way', 'Batches that are asked for, made or not.', ({ underWay }) => underWay),
  gauge('workers', 'Threads that make batches besides the main one.', ({ numWorkers }) => numWorkers),
  gauge('epoch', 'The epoch under way, from 0.', ({ epoch }) => epoch),
  gauge('batch', 'The last batch of the epoch, from 0.', ({ batch }) => batch),
  gauge('difficulty', 'Difficulty that the curriculum admits.', ({ difficulties }) => difficulties, 'metric'),
];

/** A value with its name in one piece: `stage_seconds_total_storage`. */
export interface NamedValue {
  readonly metric: Metric;
  /** `undefined` where the metric has one value. */
  readonly labeled: string | undefined;
  readonly value: number;
}

/** All values of a moment, in the order of {@link metrics}. */
export function valuesOf(figures: RunFigures): NamedValue[] {
  return metrics.flatMap((metric): NamedValue[] => {
    const read = metric.read(figures);
    if (typeof read === 'number') return [{ metric, labeled: undefined, value: read }];
    return Object.entries(read).map(([labeled, value]) => ({ metric, labeled, value }));
  });
}
