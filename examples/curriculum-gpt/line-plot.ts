import asciichart from 'asciichart';

/** Colors that are distinct on light and dark backgrounds. */
export type Color = 'blue' | 'yellow' | 'green' | 'red' | 'bold';

/** Colors a text, or returns it unchanged. */
export type Paint = (color: Color, text: string) => string;

/** One line of a plot. */
export interface PlotSeries {
  readonly label: string;
  /** In order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Options of a plot. */
export interface LinePlotOptions {
  readonly paint: Paint;
  /** Columns of the plot, labels included. @defaultValue `72` */
  readonly width?: number;
  /** Lines of the drawing. @defaultValue `12` */
  readonly height?: number;
  /** Formats the ends of the x axis. */
  readonly formatX: (x: number) => string;
  /** Unit of x: `tokens`. */
  readonly xLabel: string;
}

const colors: readonly Color[] = ['blue', 'yellow', 'green', 'red'];

/** Dotted symbols, which distinguish the other lines from the first without colors. */
const dotted = new Map([...'─│╭╮╰╯┼'].map((solid, i) => [solid, [...'╌╎┌┐└┘┼'][i]!]));
const labelWidth = 8;

/**
 * Draws lines over a common x axis. The first line is solid, the others are dotted.
 *
 * @returns Text lines joined by line breaks; empty if there are no points.
 */
export function renderLinePlot(series: readonly PlotSeries[], options: LinePlotOptions): string {
  const { paint, width = 72, height = 12, formatX, xLabel } = options;
  const points = series.flatMap((line) => line.points).filter(({ y }) => Number.isFinite(y));
  if (points.length === 0) return '';
  const [firstX, lastX] = extent(points.map(({ x }) => x));
  const [lowest, highest] = extent(points.map(({ y }) => y));
  const columns = width - labelWidth - 1;
  const drawings = series.map(({ points: own }) => {
    if (own.length === 0) return [];
    const values = Array.from({ length: columns }, (_, column) =>
      valueAt(own, firstX + ((lastX - firstX) * column) / Math.max(1, columns - 1)),
    );
    return drawLine(values, height, lowest, highest === lowest ? lowest + 1 : highest);
  });
  const legend = series.map(({ label }, line) => `${mark(line, paint)} ${label}`).join('   ');
  const [from, to] = [formatX(firstX), `${formatX(lastX)} ${xLabel}`];
  const axis = ' '.repeat(labelWidth) + from + to.padStart(columns - from.length);
  return [' '.repeat(labelWidth) + legend, ...overlay(drawings, paint), axis].join('\n');
}

function drawLine(values: readonly number[], height: number, min: number, max: number): string[] {
  const format = (value: number): string => value.toFixed(2).padStart(labelWidth - 2);
  return asciichart.plot(values, { height: height - 1, min, max, format }).split('\n');
}

/** Overlays drawings of one scale. Where lines cross, the first is on top. */
function overlay(drawings: readonly (readonly string[])[], paint: Paint): string[] {
  const rows = Math.max(...drawings.map(({ length }) => length));
  return Array.from({ length: rows }, (_, row) => {
    const lines = drawings.map((drawing) => [...(drawing[row] ?? '')]);
    const columns = Math.max(...lines.map(({ length }) => length));
    return Array.from({ length: columns }, (_, column) => {
      const top = lines.findIndex((line) => (line[column] ?? ' ') !== ' ');
      if (top < 0) return ' ';
      const symbol = lines[top]![column]!;
      return column < labelWidth
        ? symbol
        : paint(colorOf(top), top === 0 ? symbol : (dotted.get(symbol) ?? symbol));
    })
      .join('')
      .trimEnd();
  });
}

function mark(line: number, paint: Paint): string {
  return paint(colorOf(line), line === 0 ? '──' : '╌╌');
}

function colorOf(line: number): Color {
  return colors[line % colors.length]!;
}

function extent(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** Interpolates linearly between points; outside them, uses the nearest point. */
function valueAt(points: PlotSeries['points'], x: number): number {
  const after = points.findIndex((point) => point.x >= x);
  if (after < 0) return points.at(-1)?.y ?? Number.NaN;
  const right = points[after]!;
  const left = points[after - 1];
  if (!left || right.x === left.x) return right.y;
  return left.y + ((right.y - left.y) * (x - left.x)) / (right.x - left.x);
}
