/** An image in memory, channel by channel: `data` has the shape `[channels, height, width]`, on a scale from 0 to 255. */
export interface PlanarImage {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** Height and width of an image. */
export interface PlanarSize {
  readonly height: number;
  readonly width: number;
}

/** An image with the same channels and another size, all zeros. */
export function blankImage(channels: number, { height, width }: PlanarSize): PlanarImage {
  return { channels, height, width, data: new Uint8Array(channels * height * width) };
}

/** A copy in its own memory. */
export function copyImage(image: PlanarImage): PlanarImage {
  return { ...image, data: image.data.slice() };
}

/** The pixels of one channel, as a view. */
export function planeOf({ data, height, width }: PlanarImage, channel: number): Uint8Array {
  const pixels = height * width;
  return data.subarray(channel * pixels, (channel + 1) * pixels);
}

/** Limits a float32 value to 0 … 255 and drops its fraction, as PyTorch's clamp and conversion to uint8. */
export function toByte(value: number): number {
  return value >= 255 ? 255 : value > 0 ? Math.trunc(value) : 0;
}

/** Rounds halves to even, as PyTorch's and Python's `round`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** {@link roundHalfEven} for levels: 0 or more, and below 2^31. Faster. */
export function roundLevel(value: number): number {
  const rounded = (value + 0.5) | 0;
  return rounded - value === 0.5 ? rounded & ~1 : rounded;
}
