import type { CurriculumHistogram } from '../../curriculum/curriculum-histogram.js';
import { renderHistogram } from '../kit/histogram.js';
import { html, type Markup } from '../kit/html.js';
import { formatCompact, formatShare } from '../kit/numbers.js';

const height = 180;

/** Renders the histogram of a metric; filled bars are admitted, the others are not yet. */
export function renderCurriculum(histogram: CurriculumHistogram, difficulty: number, width: number): Markup {
  const { edges, counts, metric, type } = histogram;
  const admitted = admittedShare(histogram, difficulty);
  const unit = type === 'percentile' ? 'percentile' : metric;
  const text = `${unit} up to ${formatCompact(difficulty)}: ${formatShare(admitted)} of the samples are admitted`;
  const bins = counts.map((count, k) => ({ start: edges[k]!, end: edges[k + 1]!, count }));
  const chart = renderHistogram(bins, {
    label: text,
    x: { label: unit, format: formatCompact, ticks: width < 500 ? 4 : 8 },
    y: { label: '', format: formatCompact, ticks: 3 },
    marks: [{ at: difficulty, label: formatCompact(difficulty) }],
    lookOf: ({ end }) => (end <= difficulty ? 'admitted' : 'held'),
    plot: { width, height, left: 50, right: width - 6, top: 8, bottom: height - 42 },
  });
  return html`<div>${chart}<p class="hint">${text}.</p></div>`;
}

/** Share of the admitted samples. A bin that contains the difficulty counts in proportion. */
function admittedShare({ edges, counts }: CurriculumHistogram, difficulty: number): number {
  const total = counts.reduce((sum, samples) => sum + samples, 0);
  const admitted = counts.reduce((sum, samples, k) => {
    const part = (difficulty - edges[k]!) / (edges[k + 1]! - edges[k]!);
    return sum + samples * Math.min(1, Math.max(0, part));
  }, 0);
  return total === 0 ? 0 : admitted / total;
}
