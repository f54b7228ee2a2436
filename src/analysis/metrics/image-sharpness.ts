import { eachSample, type Metric } from './metric.js';
import { type Pixels, pixelsOf } from './sample-parts.js';

/**
 * Sharpness of an image: the variance of the Laplacian of its brightness (Pech-Pacheco et al., 2000), rounded.
 * Brightness is `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601) in 0 … 255. The Laplacian is four neighbors minus four
 * times the pixel, over all pixels with four neighbors. Low for blurred and empty images; 0 for an image smaller than
 * 3×3 pixels.
 */
export const imageSharpness: Metric = {
  name: 'imagesharpness',
  description: 'variance of the Laplacian of the brightness',
  unit: 'squared levels of 0 … 255',
  scale: 1,
  batchSize: 8,
  measure: eachSample((sample, index) => {
    const pixels = pixelsOf(sample, index);
    return laplacianVariance(brightnessOf(pixels), pixels);
  }),
};

/** Shape `[H, W]`. */
function brightnessOf(pixels: Pixels): Float32Array {
  const { data, height, width, channels, pixelStride, channelStride, brightness } = pixels;
  const out = new Float32Array(height * width);
  const [red, green, blue] = channels < 3 ? [1, 0, 0] : [0.299, 0.587, 0.114];
  const [second, third] = channels < 3 ? [0, 0] : [channelStride, 2 * channelStride];
  for (let i = 0, at = 0; i < out.length; i++, at += pixelStride)
    out[i] = brightness * (red * data[at]! + green * data[at + second]! + blue * data[at + third]!);
  return out;
}

function laplacianVariance(image: Float32Array, { height, width }: Pixels): number {
  if (height < 3 || width < 3) return 0;
  const count = (height - 2) * (width - 2);
  let sum = 0;
  let squares = 0;
  for (let row = 1; row < height - 1; row++) {
    for (let at = row * width + 1; at < (row + 1) * width - 1; at++) {
      const value =
        image[at - 1]! + image[at + 1]! + image[at - width]! + image[at + width]! - 4 * image[at]!;
      sum += value;
      squares += value * value;
    }
  }
  return Math.max(0, squares / count - (sum / count) ** 2);
}
