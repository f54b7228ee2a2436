/** Pixels from decoders of whole images, top row first. */
export interface PackedPixels {
  readonly width: number;
  readonly height: number;
  /** Bytes per pixel: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA or CMYK. */
  readonly channels: number;
  readonly data: Uint8Array;
  /** Whether the four channels are CMYK, where 0 means no ink at all. */
  readonly isCmyk?: boolean;
}
