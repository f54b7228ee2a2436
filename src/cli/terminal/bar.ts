import { scaleLinear } from 'd3-scale';

/** Renders the bar of a count as text. A count above 0 is visible. @param width - Columns of the bar of `largest` */
export function renderBar(count: number, largest: number, width: number): string {
  const columns = Math.round(scaleLinear([0, largest], [0, width])(count));
  return columns > 0 ? '█'.repeat(columns) : count > 0 ? '▏' : '';
}
