import type { ScaleLinear } from 'd3-scale';
import { area, type CurveFactory, curveLinear, line } from 'd3-shape';
import { round } from './chart.js';

/** A point of a line, in the units of the axes. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The scales of a chart. */
export interface Scales {
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
}

/** SVG path of a line through points. @param curve - How points are joined. @defaultValue straight lines */
export function linePath(
  points: readonly Point[],
  { x, y }: Scales,
  curve: CurveFactory = curveLinear,
): string {
  const path = line<Point>(
    (point) => round(x(point.x)),
    (point) => round(y(point.y)),
  ).curve(curve);
  return path(points) ?? '';
}

/** SVG path of the area between a line and the lower end of the y scale. */
export function areaPath(points: readonly Point[], { x, y }: Scales): string {
  const base = round(y.range()[0]!);
  const path = area<Point>(
    (point) => round(x(point.x)),
    base,
    (point) => round(y(point.y)),
  );
  return path(points) ?? '';
}
