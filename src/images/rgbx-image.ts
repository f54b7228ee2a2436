/**
 * An image in memory: top row first, four bytes per pixel: red, green, blue, and alpha, which only images of four
 * channels use. The memory has one row and 16 bytes
 * more than `4 * width * height`, so that whole vectors can be read at the edges.
 */
export interface RgbxImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Bytes of an image of this size. */
export function rgbxBytes(width: number, height: number): number {
  return 4 * width * (height + 1) + 16;
}
