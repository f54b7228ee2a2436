import { extent } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { curveLinear, curveStepAfter } from 'd3-shape';
import { type Axis, type ChartText, plotArea, renderChart, round } from './chart.js';
import { html, type Markup } from './html.js';
import { linePath, type Point } from './paths.js';

export type { Point } from './paths.js';

/** One line of a chart. */
export interface ChartLine {
  readonly label: string;
  readonly points: readonly Point[];
  /** Ordinal of the run, which determines the color. */
  readonly run: number;
  /** `faint` for raw values behind a smoothed line, `marked` for a dot at each point, `stairs` for a step function. */
  readonly look?: 'solid' | 'faint' | 'marked' | 'stairs';
}

/** Options of a line chart. */
export interface LineChartOptions extends ChartText {
  readonly x: Omit<Axis, 'scale'>;
  readonly y: Omit<Axis, 'scale'>;
  /** Whether the y axis starts at zero. @defaultValue `false` */
  readonly fromZero?: boolean;
}

/** Draws lines over a common x axis, with a legend. */
export function renderLineChart(lines: readonly ChartLine[], options: LineChartOptions): Markup {
  const points = lines.flatMap((series) => series.points);
  const [, lastX = 1] = extent(points, ({ x }) => x);
  const [lowest = 0, highest = 1] = extent(points, ({ y }) => y);
  const { left, right, top, bottom } = plotArea;
  const x = { ...options.x, scale: scaleLinear([0, lastX], [left, right]) };
  const y = {
    ...options.y,
    scale: scaleLinear([options.fromZero ? 0 : lowest, highest], [bottom, top]).nice(5),
  };
  const drawing = lines.map((series) => renderLine(series, x, y));
  return html`${renderLegend(lines)}${renderChart(options, x, y, drawing)}`;
}

function renderLine({ points, run, look = 'solid', label }: ChartLine, x: Axis, y: Axis): Markup {
  const curve = look === 'stairs' ? curveStepAfter : curveLinear;
  const path = linePath(points, { x: x.scale, y: y.scale }, curve);
  const marks =
    look === 'marked' &&
    points.map(
      (point) =>
        html`<circle class="mark run${run}" cx="${round(x.scale(point.x))}" cy="${round(y.scale(point.y))}" r="3.5"><title>${label}: ${readingOf(point, x, y)}</title></circle>`,
    );
  return html`<path class="line run${run} ${look}" d="${path}"/>${marks}`;
}

function readingOf(point: Point, x: Axis, y: Axis): string {
  return `${y.format(point.y)} at ${x.format(point.x)} ${x.label}`;
}

function renderLegend(lines: readonly ChartLine[]): Markup {
  const entries = lines
    .filter(({ look }) => look !== 'faint')
    .map(
      ({ label, run, look = 'solid' }) =>
        html`<li><svg class="key" viewBox="0 0 28 10" aria-hidden="true"><path class="line run${run} ${look}" d="M1,5H27"/></svg>${label}</li>`,
    );
  return html`<ul class="legend">${entries}</ul>`;
}
