import { scaleLinear } from 'd3-scale';
import type { CurriculumHistogram } from '../../curriculum/curriculum-histogram.js';
import { html, type Markup } from '../kit/html.js';
import { formatCompact, formatCount, formatShare } from '../kit/numbers.js';

const height = 164;
const [left, top, bottom] = [50, 20, 122];

/** Renders the histogram of a metric; filled bars are admitted, the others are not yet. */
export function renderCurriculum(histogram: CurriculumHistogram, difficulty: number, width: number): Markup {
  const { edges, counts, metric, type } = histogram;
  const right = width - 6;
  const x = scaleLinear([edges[0]!, edges.at(-1)!], [left, right]);
  const y = scaleLinear([0, Math.max(1, ...counts)], [bottom, top]);
  const bars = counts.map((samples, k) => {
    const [from, to] = [x(edges[k]!), x(edges[k + 1]!)];
    const barTop = Math.min(y(samples), samples > 0 ? bottom - 1 : bottom);
    return html`<rect class="${edges[k + 1]! <= difficulty ? 'admitted' : 'held'}" x="${(from + 0.5).toFixed(1)}" width="${Math.max(0.5, to - from - 1).toFixed(1)}" y="${barTop.toFixed(1)}" height="${(bottom - barTop).toFixed(1)}"/>`;
  });
  const admitted = admittedShare(histogram, difficulty);
  const at = Math.min(right, Math.max(left, x(difficulty)));
  const side = at > width / 2 ? 'end' : 'start';
  const unit = type === 'percentile' ? 'percentile' : metric;
  const text = `${unit} up to ${formatCompact(difficulty)}: ${formatShare(admitted)} of the samples are admitted`;
  const ticks = x
    .ticks(width < 500 ? 4 : 8)
    .map(
      (tick) =>
        html`<text class="middle" x="${x(tick).toFixed(1)}" y="${bottom + 16}">${formatCompact(tick)}</text>`,
    );
  return html`<div><svg role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" aria-label="${text}">${bars}<line class="limit" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${top - 12}" y2="${bottom}"/><text class="limit-text ${side}" x="${(at + (side === 'end' ? -8 : 8)).toFixed(1)}" y="${top - 4}">${formatCompact(difficulty)}</text>
<text class="end" x="${left - 8}" y="${top + 4}">${formatCount(Math.max(...counts))}</text>${ticks}<text class="middle" x="${(left + right) / 2}" y="${height - 4}">${unit}</text></svg><p class="hint">${text}.</p></div>`;
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
