import type { ScaleLinear } from 'd3-scale';
import { type Content, html, type Markup } from './html.js';

/** Size of a chart in SVG units; the page scales it. */
export const chartSize = { width: 520, height: 280 } as const;

/** The area inside the axes. */
export const plotArea = { left: 48, right: 500, top: 14, bottom: 236 } as const;

/** An axis: its scale, label and tick format. */
export interface Axis {
  readonly scale: ScaleLinear<number, number>;
  readonly label: string;
  readonly format: (value: number) => string;
}

/** Title and text alternative of a chart. */
export interface ChartText {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

/** Renders an SVG image with axes, title and description. Pages put its numbers in a table below. */
export function renderChart(text: ChartText, x: Axis, y: Axis, drawing: Content): Markup {
  return html`<svg viewBox="0 0 ${chartSize.width} ${chartSize.height}" role="img" aria-labelledby="${text.id}-t ${text.id}-d">
<title id="${text.id}-t">${text.title}</title><desc id="${text.id}-d">${text.description}</desc>
${renderYAxis(y)}${renderXAxis(x)}${drawing}</svg>`;
}

function renderYAxis({ scale, label, format }: Axis): Markup {
  const { left, right, top } = plotArea;
  const lines = scale.ticks(5).map((value) => {
    const at = round(scale(value));
    return html`<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick end" x="${left - 6}" y="${at + 4}">${format(value)}</text>`;
  });
  const middle = (top + plotArea.bottom) / 2;
  return html`<g>${lines}<text class="axis" transform="translate(12 ${middle}) rotate(-90)">${label}</text></g>`;
}

function renderXAxis({ scale, label, format }: Axis): Markup {
  const { left, right, bottom } = plotArea;
  const marks = scale.ticks(6).map((value) => {
    const at = round(scale(value));
    return html`<line class="rule" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/><text class="tick middle" x="${at}" y="${bottom + 17}">${format(value)}</text>`;
  });
  const rule = html`<line class="rule" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`;
  return html`<g>${rule}${marks}<text class="axis" x="${(left + right) / 2}" y="${bottom + 36}">${label}</text></g>`;
}

/** Rounds a coordinate to a tenth of a unit: finer than a pixel, and short. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
