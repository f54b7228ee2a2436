import { scaleLinear } from 'd3-scale';
import { html, type Markup } from '../kit/html.js';
import { formatClock } from '../kit/numbers.js';

/** A line over time. */
export interface TimeChart {
  /** Text alternative. */
  readonly description: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
  /** The present, where the axis ends; `undefined` if the run has ended, at its last point. */
  readonly until: number | undefined;
  readonly look: 'flow' | 'wait';
  /** Minimum of the axis maximum. */
  readonly atLeast: number;
  readonly format: (value: number) => string;
  readonly width: number;
}

const height = 150;
const [left, top, bottom] = [50, 8, 126];
/** Time between points from which the line has a gap, in milliseconds. */
const gapMs = 5_000;

/** Renders a line with its area, at one SVG unit per pixel. */
export function renderTimeChart(chart: TimeChart): Markup {
  const { description, points, until, look, atLeast, format, width } = chart;
  if (points.length < 2) return html`<p class="empty">Waiting for the second measurement.</p>`;
  const right = width - 6;
  const [first, end] = [points[0]!.at, points.at(-1)!.at];
  const last = Math.max(end, until ?? end);
  const x = scaleLinear([first, last], [left, right]);
  // Zeros lie at the bottom, not in the middle.
  const highest = points.reduce((most, { value }) => Math.max(most, value), atLeast) || 1;
  const y = scaleLinear([0, highest], [bottom, top]);
  if (highest > atLeast) y.nice(3);
  const grid = y.ticks(3).map((tick) => {
    const at = Math.round(y(tick)) + 0.5;
    return html`<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/><text class="end" x="${left - 8}" y="${at + 4}">${format(tick)}</text>`;
  });
  const stretches = stretchesOf(points).map((stretch) => {
    const path = stretch.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join('L');
    const [from, to] = [x(stretch[0]!.at).toFixed(1), x(stretch.at(-1)!.at).toFixed(1)];
    return html`<path class="area" d="M${from},${bottom}L${path}L${to},${bottom}Z"/><path class="line" d="M${path}"/>`;
  });
  const span = last - first;
  const long = span < 90_000 ? `${Math.round(span / 1_000)} s` : `${Math.round(span / 60_000)} min`;
  const [from, to] = until === undefined ? [`${long} before`, formatClock(end)] : [`${long} ago`, 'now'];
  return html`<svg role="img" class="${look}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" aria-label="${description}">${stretches}${grid}<text x="${left}" y="${height - 6}">${from}</text><text class="end" x="${right}" y="${height - 6}">${to}</text></svg>`;
}

function stretchesOf(points: TimeChart['points']): (typeof points)[] {
  const stretches: TimeChart['points'][number][][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point.at - before > gapMs) stretches.push([]);
    stretches.at(-1)!.push(point);
    before = point.at;
  }
  return stretches;
}
