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

/** Blends transparent pixels with a color. Without one, or without alpha, the pixels stay as they are. */
export function onBackground(
  pixels: PackedPixels,
  background: readonly [number, number, number] | undefined,
): PackedPixels {
  const { width, height, channels, data } = pixels;
  if (!background || channels !== 4) return pixels;
  const blended = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    const alpha = data[from + 3]!;
    for (let c = 0; c < 3; c++)
      blended[to + c] = Math.round((data[from + c]! * alpha + background[c]! * (255 - alpha)) / 255);
  }
  return { width, height, channels: 3, data: blended };
}
