/** How a resizing chooses and weighs source pixels. */
export type ResizeFilter = 'bilinear' | 'bicubic';

/** How result pixels along one axis combine source pixels. */
export interface FilterWeights {
  /** Shape `[n]`: the first source pixel of each result pixel. */
  readonly starts: Int32Array;
  /** Shape `[n]`: the number of source pixels of each result pixel. */
  readonly counts: Int32Array;
  /** Shape `[n, taps]`: weights with `bits` fractional bits. */
  readonly weights: Int32Array;
  readonly taps: number;
  readonly bits: number;
}

/** A part of an axis of the source, in pixels, with fractional ends. */
export interface AxisRange {
  readonly start: number;
  readonly length: number;
}

interface Taps {
  readonly first: number;
  readonly weights: number[];
}

/**
 * Weights of an antialiased resizing, whose filter widens when the image shrinks: Pillow's, and torchvision's with `antialias`.
 *
 * @param range - The part of the source that becomes the result.
 * @param length - Pixels of the source.
 * @param n - Pixels of the result.
 * @param most - Fractional bits; see {@link fixed}.
 */
export function antialiasedWeights(
  filter: ResizeFilter,
  range: AxisRange,
  length: number,
  n: number,
  most: 'int16' | 'pillow',
): FilterWeights {
  const scale = range.length / n;
  const radius = filter === 'bilinear' ? 1 : 2;
  const stretch = Math.max(scale, 1);
  const support = radius * stretch;
  const valueAt = filter === 'bilinear' ? triangle : (x: number) => cubic(x, -0.5);
  const all = Array.from({ length: n }, (_, i): Taps => {
    const center = range.start + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(length, Math.trunc(center + support + 0.5));
    const weights = Array.from({ length: end - first }, (_w, k) =>
      valueAt((k + first - center + 0.5) * (1 / stretch)),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: sum === 0 ? weights : weights.map((weight) => weight / sum) };
  });
  return fixed(all, most);
}

/** Weights of a resizing that combines the two or four nearest pixels only: torchvision's without `antialias`. */
export function nearestWeights(filter: ResizeFilter, length: number, n: number): FilterWeights {
  const scale = length / n;
  const radius = filter === 'bilinear' ? 1 : 2;
  const all = Array.from({ length: n }, (_, i): Taps => {
    const source = scale * (i + 0.5) - 0.5;
    const place = filter === 'bilinear' ? Math.max(0, source) : source;
    const below = Math.min(Math.floor(place), length - 1);
    const past = Math.min(Math.max(place - below, 0), 1);
    const begin = below - radius + 1;
    const first = Math.max(begin, 0);
    const weights = new Array<number>(Math.min(below + radius + 1, length) - first).fill(0);
    for (let k = 0; k < 2 * radius; k++) {
      const at = Math.min(Math.max(begin + k, 0), length - 1) - first;
      const distance = k - radius + 1 - past;
      weights[at]! += filter === 'bilinear' ? triangle(distance) : cubic(distance, -0.75);
    }
    return { first, weights };
  });
  return fixed(all, 'int16');
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

/** Keys' cubic convolution with the parameter `a`. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/**
 * Rounds weights to fixed point: 22 fractional bits as in Pillow, or as many as let the largest weight fit into 16 bits, as in
 * PyTorch.
 */
function fixed(all: readonly Taps[], most: 'int16' | 'pillow'): FilterWeights {
  const taps = Math.max(...all.map(({ weights }) => weights.length));
  let bits = 22;
  if (most === 'int16') {
    const largest = Math.max(...all.map(({ weights }) => Math.max(...weights)));
    bits = 0;
    while (bits < 22 && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 2 ** 15) bits++;
  }
  const weights = new Int32Array(all.length * taps);
  all.forEach((one, i) => {
    one.weights.forEach((weight, k) => {
      weights[i * taps + k] = Math.trunc(weight * 2 ** bits + (weight < 0 ? -0.5 : 0.5));
    });
  });
  return {
    starts: Int32Array.from(all, ({ first }) => first),
    counts: Int32Array.from(all, ({ weights: { length } }) => length),
    weights,
    taps,
    bits,
  };
}
