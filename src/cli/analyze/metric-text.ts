import type { MetricSummary } from '../../analysis/metric-summary.js';
import { formatCount, formatValue } from '../../web/kit/numbers.js';
import { renderHistogram } from '../terminal/histogram.js';
import { renderTable } from '../terminal/table.js';

/** Name, description and unit of a metric. */
export interface MetricTitle {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
}

/** `seqlen: number of tokens`. */
export function titleOf(title: MetricTitle): string {
  return [title.name, meaningOf(title)].filter(Boolean).join(': ');
}

/** `size after compression (‰ of the bytes)`. */
export function meaningOf({ description, unit }: MetricTitle): string {
  const counted = unit && !description.includes(unit) ? `(${unit})` : '';
  return [description, counted].filter(Boolean).join(' ');
}

/** Renders the histogram and the quantiles of a metric. */
export function describeMetric(title: MetricTitle, summary: MetricSummary): string {
  const { min, max, mean, distinct, samples, quantiles } = summary;
  const columns = [
    'min',
    ...Object.keys(quantiles).map((share) => `${Number(share) * 100} %`),
    'max',
    'mean',
  ];
  const values = [min, ...Object.values(quantiles), max, mean];
  return [
    titleOf(title),
    renderHistogram(summary.histogram),
    '',
    indented(
      renderTable(
        columns.map((column) => ({ title: column, align: 'right' })),
        [values.map(formatValue)],
      ),
    ),
    distinct > 1
      ? `  ${formatCount(distinct)} distinct values of ${formatCount(samples)} samples`
      : `  All ${formatCount(samples)} samples have the same value, so this metric cannot order a curriculum.`,
  ].join('\n');
}

export function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
