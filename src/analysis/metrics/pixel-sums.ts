import { ConfigError } from '../../core/errors.js';
import type { Metric } from './metric.js';
import { type Pixels, pixelsOf } from './sample-parts.js';

/** Names of the sums, in their order. */
const sumCount = 7;

/**
 * Sums of the levels of all pixels, from which {@link imageStatistics} computes mean and deviation: the number of pixels; the sums of red,
 * green and blue; the sums of their squares. Levels are from 0 to 255. Gray counts as all three; alpha does not count.
 */
export const pixelSums: Metric = {
  name: 'pixelsums',
  description: 'number of pixels, sums of red, green and blue, and of their squares',
  unit: 'levels of 0 … 255',
  kind: 'count',
  batchSize: 8,
  measure: (samples, { start }) => {
    const sums = new Float64Array(sumCount);
    for (const [k, sample] of samples.entries()) addPixels(pixelsOf(sample, start + k), sums);
    // Floats between levels have sums with a fraction.
    return sums.map(Math.round);
  },
};

function addPixels(pixels: Pixels, sums: Float64Array): void {
  const { data, height, width, channels, pixelStride, channelStride, brightness } = pixels;
  const count = height * width;
  sums[0]! += count;
  for (let c = 0; c < 3; c++) {
    let sum = 0;
    let squares = 0;
    for (let i = 0, at = channels < 3 ? 0 : c * channelStride; i < count; i++, at += pixelStride) {
      const level = brightness * data[at]!;
      sum += level;
      squares += level * level;
    }
    sums[1 + c]! += sum;
    sums[4 + c]! += squares;
  }
}

/**
 * Mean and standard deviation of the pixels of a data set, for `normalize`.
 *
 * @param sums - `counts.pixelsums` of an analysis with the metric `pixelsums`.
 * @returns for red, green and blue, on a scale from 0 to 1; the deviation is that of all pixels of all images together.
 * @throws {@link ConfigError} for other sums, or without pixels
 */
export function imageStatistics(
  sums: readonly number[],
): Readonly<Record<'mean' | 'std', readonly [red: number, green: number, blue: number]>> {
  const pixels = sums[0];
  if (sums.length !== sumCount || !pixels)
    throw new ConfigError('imageStatistics', [
      { field: 'sums', message: 'must be counts.pixelsums of an analysis of images' },
    ]);
  const of = (value: (channel: number) => number) => [value(0), value(1), value(2)] as const;
  const mean = of((c) => sums[1 + c]! / pixels / 255);
  return {
    mean,
    std: of((c) => Math.sqrt(Math.max(0, sums[4 + c]! / pixels / 255 ** 2 - mean[c]! ** 2))),
  };
}
