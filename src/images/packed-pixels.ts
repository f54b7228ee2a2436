/** Pixels as decoders of whole images give them, row by row from the top. */
export interface PackedPixels {
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel: 1 or 2 of gray (the second is alpha), 3 of red, green and blue, 4 of those and alpha, or of CMYK. */
  readonly channels: number;
  readonly data: Uint8Array;
  /** Whether the four channels are cyan, magenta, yellow and black, where 0 is no ink. */
  readonly isCmyk?: boolean;
}
