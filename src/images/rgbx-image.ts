/**
 * An image in memory: rows from the top, four bytes a pixel, of which the fourth means nothing. One row and 16 bytes more than
 * `4 * width * height` are there, so that whole vectors can be read at the edges.
 */
export interface RgbxImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Bytes that an image of this size takes up. */
export function rgbxBytes(width: number, height: number): number {
  return 4 * width * (height + 1) + 16;
}
