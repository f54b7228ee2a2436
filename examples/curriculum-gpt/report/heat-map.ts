import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { type Axis, type ChartText, plotArea, renderChart, round } from '../../../dist/web/kit/chart.js';
import { html, type Markup } from '../../../dist/web/kit/html.js';

/** Consecutive steps, and the distribution of their sequences over the length bins. */
export interface HeatColumn {
  readonly fromStep: number;
  /** Exclusive. */
  readonly toStep: number;
  /** Share of the sequences in each bin, 0 … 1. */
  readonly shares: readonly number[];
}

/** Options of a heat map. */
export interface HeatMapOptions extends ChartText {
  readonly x: Omit<Axis, 'scale'>;
  readonly y: Omit<Axis, 'scale'>;
  /** Tokens that one row spans. */
  readonly rowSpan: number;
  /** Ordinal of the run, which determines the color. */
  readonly run: number;
}

/** Cells of one level form one path, which takes an eighth of the bytes of one rectangle per cell. */
const levels = 8;

/** Draws a cell per group of steps and bin, darker for a larger share. */
export function renderHeatMap(columns: readonly HeatColumn[], options: HeatMapOptions): Markup {
  const { left, right, top, bottom } = plotArea;
  const rows = columns[0]?.shares.length ?? 1;
  const x = { ...options.x, scale: scaleLinear([1, columns.at(-1)?.toStep ?? 2], [left, right]) };
  const y = { ...options.y, scale: scaleLinear([0, rows * options.rowSpan], [bottom, top]) };
  const strongest = max(columns, ({ shares }) => max(shares)) ?? 1;
  const paths = new Array<string>(levels + 1).fill('');
  for (const { fromStep, toStep, shares } of columns) {
    const [start, end] = [round(x.scale(fromStep)), round(x.scale(toStep))];
    for (const [row, share] of shares.entries()) {
      const level = Math.ceil((share / strongest) * levels);
      if (level === 0) continue;
      const [low, high] = [
        round(y.scale(row * options.rowSpan)),
        round(y.scale((row + 1) * options.rowSpan)),
      ];
      paths[level] += `M${start},${high}H${end}V${low}H${start}Z`;
    }
  }
  const cells = paths.map(
    (path, level) =>
      path !== '' && html`<path class="cell run${options.run}" opacity="${level / levels}" d="${path}"/>`,
  );
  return renderChart(options, x, y, cells);
}
