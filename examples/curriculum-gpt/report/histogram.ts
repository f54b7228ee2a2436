import { max } from 'd3-array';
import { scaleLinear } from 'd3-scale';
import { type Axis, type ChartText, plotArea, renderChart, round } from '../../../dist/web/kit/chart.js';
import { html, type Markup } from '../../../dist/web/kit/html.js';
import { binName, type LengthBin } from './length-bins.js';

/** A vertical line. */
export interface HistogramMark {
  readonly at: number;
  readonly label: string;
}

/** Options of a histogram. */
export interface HistogramOptions extends ChartText {
  readonly x: Omit<Axis, 'scale'>;
  readonly y: Omit<Axis, 'scale'>;
  readonly marks?: readonly HistogramMark[] | undefined;
}

/** Draws a bar per bin. */
export function renderHistogram(bins: readonly LengthBin[], options: HistogramOptions): Markup {
  const { left, right, top, bottom } = plotArea;
  const x = { ...options.x, scale: scaleLinear([0, bins.at(-1)?.to ?? 1], [left, right]) };
  const highest = max(bins, ({ count }) => count) ?? 1;
  // Leaves a tenth of the height above the bars for the labels of the marks.
  const y = { ...options.y, scale: scaleLinear([0, highest * 1.1], [bottom, top]) };
  const bars = bins.map((bin) => {
    const { from, to, count } = bin;
    const [start, end, height] = [
      round(x.scale(from - 1)) + 1,
      round(x.scale(to)) - 1,
      round(y.scale(count)),
    ];
    return html`<rect class="bar" x="${start}" y="${height}" width="${round(end - start)}" height="${round(bottom - height)}"><title>${binName(bin)} ${x.label}: ${y.format(count)}</title></rect>`;
  });
  const marks = (options.marks ?? []).map((mark) => {
    const at = round(x.scale(mark.at));
    const side =
      at > (left + right) / 2 ? ({ anchor: 'end', offset: -5 } as const) : { anchor: 'start', offset: 5 };
    return html`<line class="limit" x1="${at}" x2="${at}" y1="${top}" y2="${bottom}"/><text class="tick ${side.anchor}" x="${at + side.offset}" y="${top + 10}">${mark.label}</text>`;
  });
  return renderChart(options, x, y, [bars, marks]);
}
