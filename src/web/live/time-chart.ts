import { scaleLinear } from 'd3-scale';
import { lastOf } from '../../core/last-of.js';
import { renderFrame, renderYAxis } from '../kit/chart.js';
import { html, type Markup } from '../kit/html.js';
import { formatClock } from '../kit/numbers.js';
import { areaPath, linePath } from '../kit/paths.js';

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
/** Time between points from which the line has a gap, in milliseconds. */
const gapMs = 5_000;

/** Renders a line with its area, at one SVG unit per pixel. */
export function renderTimeChart(chart: TimeChart): Markup {
  const { description, points, until, look, atLeast, format, width } = chart;
  if (points.length < 2) return html`<p class="empty">Waiting for the second measurement.</p>`;
  const plot = { width, height, left: 50, right: width - 6, top: 8, bottom: height - 24 };
  const { left, right, top, bottom } = plot;
  const [first, end] = [points[0]!.at, lastOf(points).at];
  const last = Math.max(end, until ?? end);
  // If all values are 0, the line is at the bottom, not in the middle.
  const highest = points.reduce((most, { value }) => Math.max(most, value), atLeast) || 1;
  const x = scaleLinear([first, last], [left, right]);
  const y = scaleLinear([0, highest], [bottom, top]);
  if (highest > atLeast) y.nice(3);
  const lines = stretchesOf(points).map((stretch) => {
    const line = stretch.map(({ at, value }) => ({ x: at, y: value }));
    return html`<path class="area" d="${areaPath(line, { x, y })}"/><path class="line" d="${linePath(line, { x, y })}"/>`;
  });
  const span = last - first;
  const long = span < 90_000 ? `${Math.round(span / 1_000)} s` : `${Math.round(span / 60_000)} min`;
  const [from, to] = until === undefined ? [`${long} before`, formatClock(end)] : [`${long} ago`, 'now'];
  const ends = html`<text x="${left}" y="${height - 6}">${from}</text><text class="end" x="${right}" y="${height - 6}">${to}</text>`;
  const axis = renderYAxis({ scale: y, label: '', format, ticks: 3 }, plot);
  const drawing = html`<g class="${look}">${lines}${axis}${ends}</g>`;
  return renderFrame({ label: description }, drawing, plot);
}

function stretchesOf(points: TimeChart['points']): (typeof points)[] {
  const stretches: TimeChart['points'][number][][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point.at - before > gapMs) stretches.push([]);
    lastOf(stretches).push(point);
    before = point.at;
  }
  return stretches;
}
