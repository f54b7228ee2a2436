import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import {
  type Axis,
  type ChartLabel,
  type ChartText,
  type Plot,
  plotArea,
  renderChart,
  round,
} from './chart.js';
import { html, type Markup } from './html.js';

/** Number of values from `start` to below `end`. */
export interface HistogramBin {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** A vertical line. */
export interface HistogramMark {
  readonly at: number;
  readonly label: string;
}

/** Options of a histogram. */
export type HistogramOptions = (ChartText | ChartLabel) & {
  readonly x: Omit<Axis, 'scale'>;
  readonly y: Omit<Axis, 'scale'>;
  readonly marks?: readonly HistogramMark[];
  /** Start of the x axis. @defaultValue the start of the first bin */
  readonly from?: number;
  /** Class of a bar. @defaultValue `'bar'` */
  readonly lookOf?: (bin: HistogramBin) => string;
  /** @defaultValue that of reports */
  readonly plot?: Plot;
};

/** Draws a bar per bin. */
export function renderHistogram(bins: readonly HistogramBin[], options: HistogramOptions): Markup {
  const { from = bins[0]?.start ?? 0, marks = [], lookOf = () => 'bar', plot = plotArea } = options;
  const { left, right, top, bottom } = plot;
  const x = { ...options.x, scale: scaleLinear([from, bins.at(-1)?.end ?? 1], [left, right]) };
  const highest = max(bins, ({ count }) => count) || 1;
  // Leaves a tenth of the height above the bars for the labels of the marks.
  const y = { ...options.y, scale: scaleLinear([0, highest * 1.1], [bottom, top]) };
  const bars = bins.map((bin) => {
    const [start, end, height] = [
      round(x.scale(bin.start)) + 1,
      round(x.scale(bin.end)) - 1,
      // A count above 0 is visible.
      round(bin.count === 0 ? bottom : Math.min(y.scale(bin.count), bottom - 1)),
    ];
    return html`<rect class="${lookOf(bin)}" x="${start}" y="${height}" width="${Math.max(1, round(end - start))}" height="${round(bottom - height)}"><title>${binName(bin, x.format)} ${x.label}: ${y.format(bin.count)}</title></rect>`;
  });
  const lines = marks.map((mark) => {
    const at = round(Math.min(right, Math.max(left, x.scale(mark.at))));
    const side = at > (left + right) / 2 ? { anchor: 'end', offset: -5 } : { anchor: 'start', offset: 5 };
    return html`<line class="limit" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/><text class="tick ${side.anchor}" x="${at + side.offset}" y="${top + 10}">${mark.label}</text>`;
  });
  return renderChart(options, x, y, [bars, lines], plot);
}

/** `9 to below 16`. */
export function binName({ start, end }: HistogramBin, format: (value: number) => string): string {
  return `${format(start)} to below ${format(end)}`;
}
