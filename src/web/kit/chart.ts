import type { ScaleLinear } from 'd3-scale';
import { type Content, html, type Markup } from './html.js';

/** Size of a chart, and the area inside its axes, in SVG units. */
export interface Plot {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The area inside the axes of a chart in a report, which the page scales. */
export const plotArea: Plot = { width: 520, height: 280, left: 48, right: 500, top: 28, bottom: 236 };

/** An axis: its scale, label and tick format. */
export interface Axis {
  readonly scale: ScaleLinear<number, number>;
  readonly label: string;
  readonly format: (value: number) => string;
  /** Approximate number of ticks. @defaultValue `6` on the x axis, `5` on the y axis */
  readonly ticks?: number;
}

/** Title and text alternative of a chart. */
export interface ChartText {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

/** Text alternative of a chart whose page has a heading for it. */
export interface ChartLabel {
  readonly label: string;
}

/**
 * Renders an SVG image with axes and a text alternative. Pages put its numbers in a table below.
 *
 * @param plot - With a width in pixels, text keeps its size on a narrow screen. @defaultValue {@link plotArea}
 */
export function renderChart(
  text: ChartText | ChartLabel,
  x: Axis,
  y: Axis,
  drawing: Content,
  plot = plotArea,
): Markup {
  return renderFrame(text, [renderYAxis(y, plot), renderXAxis(x, plot), drawing], plot);
}

/** Renders an SVG image with a text alternative, without axes. */
export function renderFrame(text: ChartText | ChartLabel, drawing: Content, { width, height }: Plot): Markup {
  const viewBox = `0 0 ${width} ${height}`;
  if ('label' in text) {
    return html`<svg width="${width}" height="${height}" viewBox="${viewBox}" role="img" aria-label="${text.label}">${drawing}</svg>`;
  }
  const { id, title, description } = text;
  return html`<svg viewBox="${viewBox}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>
${drawing}</svg>`;
}

/** Renders grid lines with their values, and the label above them. */
export function renderYAxis({ scale, label, format, ticks = 5 }: Axis, plot: Plot): Markup {
  const { left, right, top } = plot;
  const lines = scale.ticks(ticks).map((value) => {
    const at = round(scale(value));
    return html`<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/><text class="tick end" x="${left - 6}" y="${at + 4}">${format(value)}</text>`;
  });
  // Above the values rather than beside them: on a narrow screen, text is larger and would overlap.
  const name = html`<text x="0" y="${top - 14}">${label}</text>`;
  return html`<g>${lines}${label !== '' && name}</g>`;
}

function renderXAxis({ scale, label, format, ticks = 6 }: Axis, plot: Plot): Markup {
  const { left, right, bottom } = plot;
  const marks = scale.ticks(ticks).map((value) => {
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
