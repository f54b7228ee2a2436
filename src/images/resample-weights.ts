/** Weights are fixed-point numbers with {@link weightBits} fractional bits. */
export const weightBits = 14;
const one = 1 << weightBits;

/** How result pixels along one axis combine source pixels. */
export interface AxisWeights {
  /** Shape `[n]`: the first source pixel of each result pixel. */
  readonly starts: Int32Array;
  /** Shape `[n, taps]`: weights of the source pixels from there on; they sum to 2^14. */
  readonly weights: Int16Array;
  /** Source pixels per result pixel; unneeded ones have weight 0. If the source has fewer, some lie beyond its end. */
  readonly taps: number;
}

/**
 * Weights of a triangle filter that widens when the image shrinks, as in Pillow's `BILINEAR` and torchvision's antialiased
 * resizing.
 *
 * @param from - Start and length of the source range, in source pixels.
 * @param visible - The first readable source pixel, and their number.
 * @param n - Number of result pixels.
 * @param multipleOf - The number of taps is rounded up to a multiple of this.
 */
export function triangleWeights(
  from: { readonly start: number; readonly length: number },
  visible: { readonly start: number; readonly length: number },
  n: number,
  multipleOf: 2 | 4,
): AxisWeights {
  const scale = from.length / n;
  const support = Math.max(scale, 1);
  const taps = multipleOf * Math.ceil(Math.min(visible.length, Math.ceil(2 * support)) / multipleOf);
  const end = visible.start + visible.length;
  const starts = new Int32Array(n);
  const weights = new Int16Array(n * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < n; i++) {
    const center = from.start + (i + 0.5) * scale;
    const first = Math.max(visible.start, Math.trunc(center - support + 0.5));
    // Rounding both ends can add one pixel beyond the taps; its weight is 0.
    const last = Math.min(end, first + taps, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let k = 0; k < last - first; k++) {
      exact[k] = Math.max(0, 1 - Math.abs((first + k + 0.5 - center) / support));
      sum += exact[k]!;
    }
    // Pixels beyond the end are not read if there are enough before it.
    const start = Math.max(visible.start, Math.min(first, end - taps));
    starts[i] = start;
    fix(exact, last - first, sum, weights, i * taps + first - start);
  }
  return { starts, weights, taps };
}

/**
 * Rounds the first `count` weights and adds the rounding error to the largest, so that uniform areas stay uniform. (Views of the arrays
 * would cost more than the arithmetic.)
 *
 * @param offset - Where the rounded weights are written.
 */
function fix(exact: Float64Array, count: number, sum: number, weights: Int16Array, offset: number): void {
  let rest = one;
  let largest = 0;
  for (let k = 0; k < count; k++) {
    const weight = Math.round((exact[k]! / sum) * one);
    weights[offset + k] = weight;
    rest -= weight;
    if (exact[k]! > exact[largest]!) largest = k;
  }
  weights[offset + largest]! += rest;
}
