import type { HistogramBin } from '../../analysis/metric-summary.js';
import { formatCount } from '../../web/kit/numbers.js';
import { renderBar } from './bar.js';

const barWidth = 40;

/** Renders a histogram for a terminal, one line per bin. */
export function renderHistogram(bins: readonly HistogramBin[]): string {
  const labels = bins.map(({ start, end }) => `${shorten(start)} – ${shorten(end)}`);
  const width = Math.max(0, ...labels.map(({ length }) => length));
  const largest = Math.max(1, ...bins.map(({ count }) => count));
  return bins
    .map(({ count }, i) => {
      const bar = renderBar(count, largest, barWidth);
      return `  ${labels[i]!.padStart(width)}  ${bar} ${formatCount(count)}`;
    })
    .join('\n');
}

function shorten(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : value.toFixed(1);
}
