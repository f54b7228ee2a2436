import type { Paint } from '../terminal/color.js';

/** Options of rendering for a terminal. */
export interface RenderOptions {
  readonly paint: Paint;
  /** Columns. */
  readonly width: number;
}
