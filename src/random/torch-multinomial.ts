import { ConfigError } from '../core/errors.js';
import { largestFirst } from './largest-first.js';

/** Weights of categories. A `Float32Array` is processed in float32, anything else in float64, as in PyTorch. */
export type Weights = ArrayLike<number>;

type Floats = Float32Array | Float64Array;

/** Draws by the cumulative sum of the weights: one `uniform` per draw. */
export function drawWithReplacement(weights: Weights, count: number, uniform: () => number): Int32Array {
  const cumulative = floatsLike(weights);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    cumulative[i] = sum + weights[i]!;
    sum = cumulative[i]!;
  }
  for (let i = 0; i < weights.length; i++) cumulative[i] = cumulative[i]! / sum;
  cumulative[weights.length - 1] = 1;
  return Int32Array.from({ length: count }, () => firstAtLeast(cumulative, uniform()));
}

/**
 * Draws by a race of exponentials: the `count` largest quotients of weight and exponential, in descending order.
 * Indices with weight 0 come last, in the order of PyTorch's `topk` for equal values. Consumes two words per weight,
 * whatever the count.
 */
export function drawWithoutReplacement(weights: Weights, count: number, uniform: () => number): Int32Array {
  const quotients = floatsLike(weights);
  // Storing each exponential in the array rounds it to the precision of the weights before the division.
  for (let i = 0; i < weights.length; i++) quotients[i] = -Math.log1p(-uniform());
  for (let i = 0; i < weights.length; i++) quotients[i] = weights[i]! / quotients[i]!;
  if (count === 1) return Int32Array.of(indexOfLargest(quotients));
  return largestFirst(quotients, count);
}

/** Index of the first maximum. */
function indexOfLargest(values: Floats): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** @throws {@link ConfigError} for weights that PyTorch rejects */
export function checkWeights(subject: string, weights: Weights): void {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new ConfigError(subject, [
        { field: `weights.${i}`, message: `must be 0 or more and finite, not ${weight}` },
      ]);
    }
    sum += weight;
  }
  if (!(sum > 0)) throw new ConfigError(subject, [{ field: 'weights', message: 'must not all be 0' }]);
}

function floatsLike(weights: Weights): Floats {
  return weights instanceof Float32Array
    ? new Float32Array(weights.length)
    : new Float64Array(weights.length);
}

/** Index of the first entry that is at least `value`; entries ascend, and the last one is at least `value`. */
function firstAtLeast(ascending: Floats, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
