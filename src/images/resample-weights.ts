/** Weights are fixed-point numbers: {@link weightBits} bits behind the point. */
export const weightBits = 14;
const one = 1 << weightBits;

/** How the pixels of one axis of the result come from those of the source. */
export interface AxisWeights {
  /** Shape `[n]`: the first source pixel of each result pixel. */
  readonly starts: Int32Array;
  /** Shape `[n, taps]`: what the source pixels from there on count; they add up to 2^14. */
  readonly weights: Int16Array;
  /**
   * Source pixels a result pixel has; what it does not need has the weight 0. Where the source has fewer, some behind the last
   * are among them.
   */
  readonly taps: number;
}

/**
 * Weights of a triangle filter that widens where the image shrinks, as Pillow's `BILINEAR` and torchvision's antialiased
 * resizing have it.
 *
 * @param from - Where the part that is shown begins and how long it is, in source pixels.
 * @param visible - The first source pixel that may be read, and the number of them.
 * @param n - Pixels of the result.
 * @param multipleOf - What the number of taps is to be a multiple of.
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
    // Pixels behind the last one are not read, as long as there are enough in front.
    const start = Math.max(visible.start, Math.min(first, end - taps));
    starts[i] = start;
    fix(exact.subarray(0, last - first), sum, weights.subarray(i * taps + first - start, (i + 1) * taps));
  }
  return { starts, weights, taps };
}

/** Rounds weights, and gives what rounding lost to the largest: an even area must stay as it is. */
function fix(exact: Float64Array, sum: number, weights: Int16Array): void {
  let rest = one;
  let largest = 0;
  for (let k = 0; k < exact.length; k++) {
    const weight = Math.round((exact[k]! / sum) * one);
    weights[k] = weight;
    rest -= weight;
    if (exact[k]! > exact[largest]!) largest = k;
  }
  weights[largest]! += rest;
}
