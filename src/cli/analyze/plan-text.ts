import { type AnalysisPlan, estimateAnalysis, planAnalysis } from '../../analysis/index.js';
import type { LoadedMetric, MetricSource } from '../../analysis/metric-source.js';
import type { Dataset } from '../../core/dataset.js';
import { ownValue } from '../../core/record.js';
import { formatBytes, formatCount, formatDuration, formatShare } from '../../web/kit/numbers.js';
import type { Progress } from '../terminal/progress.js';
import type { AnalyzeFlags } from './flags.js';
import { describeMetric, titleOf } from './metric-text.js';

/** Plans the parts of an analysis. */
export function planOf(
  dataset: Dataset<unknown>,
  metrics: readonly LoadedMetric[],
  flags: AnalyzeFlags,
): AnalysisPlan {
  const onOneThread = flags.engine === 'bullmq';
  return planAnalysis({
    samples: dataset.length,
    valueMetrics: metrics.filter(({ kind }) => kind === 'value').length,
    threads: onOneThread ? 1 : Math.min(flags.workers, dataset.length),
    memoryBytes: flags.memory,
    partSamples: flags.partSamples,
  });
}

/** Renders the plan in a few lines. */
export function planText(
  data: string,
  dataset: Dataset<unknown>,
  metrics: readonly LoadedMetric[],
  { ranges, peakBytes }: AnalysisPlan,
  { engine, workers, output }: AnalyzeFlags,
): string {
  const passes = metrics.some(({ metric }) => metric.keysOf) ? 'two passes' : 'one pass';
  const who =
    engine === 'bullmq'
      ? 'by the workers of the queue'
      : workers === 0
        ? 'on this thread'
        : `in ${workers} threads`;
  return [
    `${data}: ${formatCount(dataset.length)} samples, ${passes}, ${who}`,
    ...metrics.map((metric) => `  ${titleOf(metric)}`),
    `  ${formatCount(ranges.length)} parts, up to ${formatBytes(peakBytes)} of memory, results in ${output}`,
  ].join('\n');
}

/** Measures some samples and prints an estimate for all. */
export async function estimate(
  dataset: Dataset<unknown>,
  sources: readonly MetricSource[],
  metrics: readonly LoadedMetric[],
  { sample: share = 1, workers: numWorkers }: AnalyzeFlags,
  progress: Progress,
) {
  const estimated = await estimateAnalysis(dataset, { share, metrics: sources, numWorkers });
  const { measured, elapsedMs, expectedMs } = estimated;
  progress.line(
    [
      `\nEstimated from ${formatCount(measured)} samples (${formatShare(measured / dataset.length)}) in ${formatDuration(elapsedMs)}`,
      ...metrics.flatMap((metric) => {
        const summary = ownValue(estimated.metrics, metric.name);
        return summary ? [`\n${describeMetric(metric, summary)}`] : [];
      }),
      `\nAll samples will take about ${formatDuration(expectedMs)}.\n`,
    ].join('\n'),
  );
  return estimated;
}
