import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { type Axis, type ChartText, plotArea, renderChart, round } from './chart.js';
import { html, type Markup } from './html.js';
import { binName, type LengthBin } from './length-bins.js';

/** A vertical line in a histogram. */
export interface HistogramMark {
  readonly at: number;
  readonly label: string;
}

/** What the axes of a histogram count. */
export interface HistogramOptions extends ChartText {
  readonly x: Omit<Axis, 'scale'>;
  readonly y: Omit<Axis, 'scale'>;
  readonly marks?: readonly HistogramMark[] | undefined;
  /** Where the x axis begins. @defaultValue `0` */
  readonly from?: number;
  /** What a bin is called. @defaultValue its first and last length */
  readonly name?: (bin: LengthBin) => string;
}

/** Bars over bins of equal width. */
export function renderHistogram(bins: readonly LengthBin[], options: HistogramOptions): Markup {
  const { left, right, top, bottom } = plotArea;
  const x = { ...options.x, scale: scaleLinear([options.from ?? 0, bins.at(-1)?.to ?? 1], [left, right]) };
  const highest = max(bins, ({ count }) => count) ?? 1;
  // A tenth of free space above the bars, for the labels of the marks.
  const y = { ...options.y, scale: scaleLinear([0, highest * 1.1], [bottom, top]) };
  const { name = binName } = options;
  const bars = bins.map((bin) => {
    const { from, to, count } = bin;
    const [start, end, height] = [
      round(x.scale(from - 1)) + 1,
      round(x.scale(to)) - 1,
      round(y.scale(count)),
    ];
    return html`<rect class="bar" x="${start}" y="${height}" width="${round(end - start)}" height="${round(bottom - height)}"><title>${name(bin)} ${x.label}: ${y.format(count)}</title></rect>`;
  });
  const marks = (options.marks ?? []).map(({ at, label }) => {
    const place = round(x.scale(at));
    const side =
      place > (left + right) / 2 ? ({ anchor: 'end', offset: -5 } as const) : { anchor: 'start', offset: 5 };
    return html`<line class="limit" x1="${place}" x2="${place}" y1="${top}" y2="${bottom}"/><text class="tick ${side.anchor}" x="${place + side.offset}" y="${top + 10}">${label}</text>`;
  });
  return renderChart(options, x, y, [bars, marks]);
}
