import type { Paint } from '../terminal/color.js';

/** How something looks on a terminal. */
export interface RenderOptions {
  readonly paint: Paint;
  /** Columns. */
  readonly width: number;
}
